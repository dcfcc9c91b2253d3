"""How much the style inside a region changes the picture outside of it.

    python benchmarks/masks.py PHOTO STYLE INSIDE OTHER [--size 256] [-o SHEET.png]

The upper half is painted after STYLE, the lower once after INSIDE and once after OTHER. Printed is
how far the two pictures' distributions of features and colours are from each other in either half,
`--margin` pixels and more from their border: 0 is the same, 1 as far as INSIDE and OTHER.
"""

import argparse
import tempfile
from collections import deque
from pathlib import Path

import torch
from measures import Measures, View
from sizes import at_area, at_size
from torch import Tensor

from velatura import StyleConfig, transfer
from velatura.images.io import read, to_pil
from velatura.images.sheet import grid


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("photo", "style", "inside", "other"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--margin", type=int, default=16)
    parser.add_argument("-o", "--output", type=Path, help="a sheet of both pictures")
    arguments = parser.parse_args()
    photo = at_size(arguments.photo, arguments.size)
    half = photo.shape[-2] // 2
    with tempfile.TemporaryDirectory() as folder:
        masks = _masks(photo, half, Path(folder))
        config = StyleConfig(size=arguments.size, mask=masks)
        pictures = [
            deque(transfer(photo, [arguments.style, inside], config), maxlen=1)[0].image
            for inside in (arguments.inside, arguments.other)
        ]
    measures = Measures()
    size = (half, photo.shape[-1])
    inside, other = (
        measures.view(at_area(read(path).pixels, size))
        for path in (arguments.inside, arguments.other)
    )

    def apart(rows: slice) -> float:
        one, two = (measures.view(picture[..., rows, :]) for picture in pictures)
        return _distance(one, two) / _distance(inside, other)

    print("| outside | inside |\n| ---: | ---: |")
    outside = apart(slice(0, half - arguments.margin))
    print(f"| {outside:.3f} | {apart(slice(half + arguments.margin, None)):.3f} |")
    if arguments.output:
        sheet = grid(
            [[to_pil(p) for p in pictures]], [""], [arguments.inside.stem, arguments.other.stem]
        )
        sheet.save(arguments.output)


def _masks(photo: Tensor, half: int, folder: Path) -> tuple[str, str]:
    """Files that are white in the upper half and in the lower."""
    upper = torch.zeros_like(photo)
    upper[..., :half, :] = 1
    paths = (folder / "upper.png", folder / "lower.png")
    for path, mask in zip(paths, (upper, 1 - upper), strict=True):
        to_pil(mask).save(path)
    return str(paths[0]), str(paths[1])


def _distance(one: View, two: View) -> float:
    """Sliced Wasserstein distance of features and colours, relative to their size."""
    ratios = [
        float((a - b).square().mean() / (a.square().mean() + b.square().mean()))
        for a, b in zip(one.quantiles, two.quantiles, strict=True)
    ]
    return sum(ratio**0.5 for ratio in ratios)


if __name__ == "__main__":
    main()
