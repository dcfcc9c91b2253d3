"""Are `--strength` and `--stroke-size` monotone? Measured in features that no painting optimises.

    python benchmarks/controls.py --content DIR --style DIR [--pairs 6] [--size 256] [-o SHEET.png]

Pictures are kept in `--keep`: interrupted, the same command goes on.

Strength: the style distance of measures.py, which should fall from photograph to painting, but for
what a content weight changed by a ten-thousandth may do to it.
Stroke size: the factor by which the painting must be scaled to be nearest to the picture in its
statistics, which should rise.
"""

import argparse
from itertools import pairwise
from pathlib import Path

from measures import Measures, View
from painted import painted
from sizes import at_area, at_size

from velatura.images.io import read, to_pil
from velatura.images.resize import resize
from velatura.images.sheet import grid

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
STROKE_SIZES = (0.5, 0.7, 1.0, 1.4)
NOISE = 0.002
FACTORS = [2 ** (k / 4) for k in range(-8, 5)]  # 0.25 to 2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, nargs="+", default=[], help="default: the program's")
    parser.add_argument("--keep", type=Path, default=Path("controls"), help="a folder")
    parser.add_argument("-o", "--output", type=Path, help="a sheet of all pictures")
    arguments = parser.parse_args()
    photos, paintings = (sorted(d.iterdir()) for d in (arguments.content, arguments.style))
    steps = tuple(arguments.steps)
    measures, rows, labels = Measures(), [], []
    titles = [f"strength {s:g}" for s in STRENGTHS] + [f"stroke size {s:g}" for s in STROKE_SIZES]
    print(f"| pair | {' | '.join(titles)} | monotone |\n|{' --- |' * (len(titles) + 2)}")
    for number in range(arguments.pairs):
        paths = photos[number % len(photos)], paintings[number * 3 % len(paintings)]
        photo, painting = at_size(paths[0], arguments.size), read(paths[1]).pixels
        size = (photo.shape[-2], photo.shape[-1])
        name = f"{paths[0].stem}, {paths[1].stem}"
        folder = arguments.keep / "-".join(map(str, (arguments.size, *steps)))
        folder /= name.replace(", ", "-")
        pictures = [
            painted(folder / f"strength-{s}.png", photo, painting, steps=steps, strength=s)
            for s in STRENGTHS
        ]
        goal, start = measures.view(at_area(painting, size)), measures.view(photo)
        falling = [measures.style(measures.view(p), goal, start) for p in pictures]
        pictures += [
            painted(folder / f"stroke-size-{s}.png", photo, painting, steps=steps, stroke_size=s)
            for s in STROKE_SIZES
        ]
        scaled = [measures.view(at_area(painting, size, factor)) for factor in FACTORS]
        rising = [_nearest(measures.view(p), scaled) for p in pictures[len(STRENGTHS) :]]
        falls, rises = (min(a - b for a, b in pairwise(r)) for r in (falling, rising[::-1]))
        noisy = "within noise" if falls > -NOISE else "no"
        monotone = "no" if rises <= 0 else "yes" if falls > 0 else noisy
        values = " | ".join(f"{value:.3f}" for value in falling + rising)
        print(f"| {name} | {values} | {monotone} |", flush=True)
        rows.append([to_pil(resize(picture, size)) for picture in pictures])
        labels.append(name)
    if arguments.output:
        grid(rows, labels, titles).save(arguments.output)


def _nearest(picture: View, scaled: list[View]) -> float:
    """The factor nearest to the picture, between those tried by a parabola."""
    distances = [
        sum(
            float((one - other).square().mean() / other.square().mean())
            for one, other in zip(picture.quantiles, view.quantiles, strict=True)
        )
        for view in scaled
    ]
    best = min(range(1, len(FACTORS) - 1), key=lambda k: distances[k])
    before, at, after = distances[best - 1 : best + 2]
    shift = (before - after) / (2 * (before - 2 * at + after))
    return FACTORS[best] * 2 ** (max(-1.0, min(1.0, shift)) / 4)


if __name__ == "__main__":
    main()
