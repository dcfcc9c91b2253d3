"""Super-resolution measured as the field does, on photographs that no model was trained on.

    python benchmarks/upscale.py DIR [--models faithful perceptual] [--scales 4 2 3] [-o SHEET.png]
    python benchmarks/upscale.py DIR --speed PHOTO

Of the photographs in DIR those are used that `velatura upscale train --photos DIR` keeps to judge
by. Each is cropped to a multiple of the scale, shrunk by bicubic as MATLAB does, rounded to 8 bits,
enlarged, rounded again. PSNR and SSIM (Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5)
are scikit-image's, of the luma of ITU-R BT.601, without a border as wide as the scale. The
perceptual distance is the squared error of VGG-19's features before ReLU, relative to the
original's, at layers that no model was trained on.

`--speed` enlarges PHOTO four times and tells megapixels a second and the peak of memory.
"""

import argparse
import resource
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from velatura.images.io import read, to_pil, write
from velatura.images.sheet import grid
from velatura.perception import weights
from velatura.perception.vgg import VGG19
from velatura.superres.degrade import shrink
from velatura.superres.network import enlarged
from velatura.superres.upscaler import Upscaler
from velatura.training.photographs import find, split

LAYERS = ("conv2_1", "conv3_2", "conv4_2", "conv5_2")  # feature_layers' defaults are others
LUMA = (65.481, 128.553, 24.966)  # of R, G, B in [0, 1]; and 16
CROP = 160  # pixels, of the sheet
SHOWN = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["faithful", "perceptual"])
    parser.add_argument("--scales", type=int, nargs="+", default=[4, 2, 3])
    parser.add_argument("--speed", type=Path, metavar="PHOTO")
    parser.add_argument("-o", "--output", type=Path, help="a sheet of crops at the first scale")
    arguments = parser.parse_args()
    if arguments.speed:
        speed(arguments.speed, arguments.models[0])
        return
    network = VGG19(weights.load(), LAYERS, padding="replicate")
    photographs = [read(path).pixels for path in split(find([arguments.folder]))[1]]
    print(f"{len(photographs)} photographs\n")
    print("| scale | by | PSNR | SSIM | perceptual distance |\n| --- | --- | ---: | ---: | ---: |")
    for scale in arguments.scales:
        ways = {"bicubic": lambda small, scale=scale: enlarged(small, scale)}
        for name in arguments.models:
            upscaler = Upscaler(name, scale, precision="fp32")
            ways[Path(name).stem] = lambda small, up=upscaler: up.network.upscale(small, up.scale)
        rows = []
        for number, photograph in enumerate(photographs):
            height, width = (side // scale * scale for side in photograph.shape[-2:])
            sharp = rounded(photograph[..., :height, :width])
            small = rounded(shrink(sharp, scale))
            made = {name: rounded(way(small)) for name, way in ways.items()}
            rows.append([judge(network, picture, sharp, scale) for picture in made.values()])
            if scale == arguments.scales[0] and number < SHOWN:
                show(number, small, [*made.values(), sharp], scale)
        for column, name in enumerate(ways):
            psnr, ssim, distance = (
                statistics.mean(row[column][figure] for row in rows) for figure in range(3)
            )
            print(f"| ×{scale} | {name} | {psnr:.2f} | {ssim:.4f} | {distance:.4f} |", flush=True)
    if arguments.output:
        titles = ["small", "bicubic", *(Path(name).stem for name in arguments.models), "original"]
        write(arguments.output, grid(_shown, [""] * len(_shown), titles))


_shown: list[list[object]] = []


def show(number: int, small: Tensor, pictures: list[Tensor], scale: int) -> None:
    """Keep the middle of these pictures for the sheet, the small one enlarged by no filter."""
    blocks = small.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    top, left = ((side - CROP) // 2 for side in pictures[-1].shape[-2:])
    crops = [p[..., top : top + CROP, left : left + CROP] for p in (blocks, *pictures)]
    _shown.append([to_pil(crop) for crop in crops])


def judge(network: VGG19, made: Tensor, sharp: Tensor, scale: int) -> tuple[float, float, float]:
    one, other = (luma(picture)[scale:-scale, scale:-scale] for picture in (made, sharp))
    psnr = peak_signal_noise_ratio(other, one, data_range=255)
    ssim = structural_similarity(
        other, one, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    with torch.no_grad():
        found, wanted = network(made, LAYERS), network(sharp, LAYERS)
    errors = [
        float((found[name] - wanted[name]).square().sum() / wanted[name].square().sum())
        for name in LAYERS
    ]
    return float(psnr), float(ssim), statistics.mean(errors)


def luma(picture: Tensor) -> np.ndarray:
    """Of ITU-R BT.601, 16 to 235, (height, width), not rounded."""
    return 16 + np.tensordot(LUMA, picture[0].double().numpy(), 1)


def rounded(picture: Tensor) -> Tensor:
    return (picture.clamp(0, 1) * 255).round() / 255


def speed(path: Path, model: str) -> None:
    upscaler = Upscaler(model, 4)
    picture = read(path)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        large = upscaler.enlarge(picture)
        seconds.append(time.perf_counter() - began)
    height, width = large.size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{width}×{height}: {statistics.median(seconds):.1f} s, ", end="")
    print(f"{width * height / 1e6 / statistics.median(seconds):.2f} megapixels a second, ", end="")
    print(f"peak {peak:.2f} GB, {base:.2f} GB of it before")


if __name__ == "__main__":
    main()
