"""How often the original is kept among copies of the same size.

    python benchmarks/keeping.py PHOTOGRAPH … [--side 800] [--json]

Each photograph is an original twice: without loss (PNG, shrunk, so that nothing is left of the JPEG
it came from), and as a JPEG of quality 90. Copies of it are made, each newer than the original, and
each is put beside it; a pair counts where `velatura duplicates` would keep the original. Drawings,
which have few colours, are made by the script.
"""

import argparse
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from velatura.duplicates.folders import state
from velatura.duplicates.keeping import Copy, Keeping
from velatura.duplicates.quality import examine

Maker = Callable[[Image.Image, Path], None]


def saved(ending: str, **options: object) -> tuple[str, Maker]:
    return ending, lambda image, path: image.save(path, **options)


def through(ending: str, change: Callable[[Image.Image], Image.Image]) -> tuple[str, Maker]:
    return ending, lambda image, path: change(image).save(path)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def ordered_dither(image: Image.Image) -> Image.Image:
    """Six levels a channel, with the four by four matrix of Bayer."""
    matrix = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.5
    pixels = np.asarray(image).astype(float)
    height, width = pixels.shape[:2]
    pattern = np.tile(matrix, (height // 4 + 1, width // 4 + 1))[:height, :width, None]
    return Image.fromarray((((pixels / 51 + pattern).round().clip(0, 5)) * 51).astype(np.uint8))


LOSSY = {
    **{f"JPEG {q}": saved(".jpg", quality=q) for q in (5, 10, 30, 50, 75, 85)},
    **{f"WebP {q}": saved(".webp", quality=q) for q in (5, 50, 80)},
    **{f"AVIF {q}": saved(".avif", quality=q, speed=10) for q in (20, 60)},
}
SPOILT = {
    "GIF": saved(".gif"),
    "256 colours, dithered": through(".png", lambda image: image.quantize(256)),
    "256 colours": through(
        ".png", lambda image: image.quantize(256, dither=Image.Dither.NONE).convert("RGB")
    ),
    "216 colours, ordered": through(".bmp", ordered_dither),
    "16 colours": through(".png", lambda image: image.quantize(16)),
    "black and white": through(".png", lambda image: image.convert("1")),
}
HIDDEN = {
    "JPEG 5 as PNG": through(".png", lambda image: jpeg(image, 5)),
    "JPEG 30 as BMP": through(".bmp", lambda image: jpeg(image, 30)),
    "JPEG 75 as TIFF": through(".tif", lambda image: jpeg(image, 75)),
    "blurred": through(".bmp", lambda image: image.filter(ImageFilter.GaussianBlur(1))),
    "smaller and back": through(
        ".bmp", lambda image: image.resize((image.width // 2, image.height // 2)).resize(image.size)
    ),
}
BETTER = {
    "JPEG 95": saved(".jpg", quality=95),
    "JPEG 100": saved(".jpg", quality=100, subsampling=0),
}
SAME = {
    "BMP": saved(".bmp"),
    "TIFF": saved(".tif"),
    "lossless WebP": saved(".webp", lossless=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path, nargs="+")
    parser.add_argument("--side", type=int, default=800)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    photographs = [small(path, arguments.side) for path in arguments.photographs]
    drawings = [drawing(number) for number in range(len(photographs))]
    without_loss = LOSSY | SPOILT | HIDDEN | BETTER | SAME
    report = {
        "photographs as PNG": measured(photographs, saved(".png"), without_loss),
        "photographs as JPEG 90": measured(photographs, saved(".jpg", quality=90), LOSSY | SPOILT),
        "drawings as PNG": measured(drawings, saved(".png"), LOSSY | SAME | BETTER),
        "drawings as GIF": measured(drawings, saved(".gif"), LOSSY | BETTER),
    }
    print(json.dumps(report) if arguments.json else as_text(report))


def small(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((min(side, picture.width // 2), min(side, picture.height // 2)))
    return picture


def drawing(number: int) -> Image.Image:
    """Coloured shapes and lettering on a ground."""
    generator = np.random.default_rng(number)
    image = Image.new("RGB", (600, 400), tuple(generator.integers(128, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        left, top, width, height = generator.integers(0, 300, 4).tolist()
        colour = tuple(generator.integers(0, 256, 3).tolist())
        shape = draw.ellipse if generator.random() < 0.5 else draw.rectangle
        shape((left, top, left + width, top + height), fill=colour)
        draw.text((left, top), "Velatura", fill="black", font_size=30)
    return image


def measured(
    pictures: list[Image.Image], original: tuple[str, Maker], copies: dict[str, tuple[str, Maker]]
) -> dict[str, float]:
    """The share of pictures whose original is kept, by the kind of copy."""
    kept = dict.fromkeys(copies, 0)
    with tempfile.TemporaryDirectory() as name:
        for picture in pictures:
            ending, make = original
            first = Path(name) / f"original{ending}"
            make(picture, first)
            os.utime(first, (1e9, 1e9))
            with Image.open(first) as image:
                stored = image.convert("RGB")
            for kind, (ending, make) in copies.items():
                path = Path(name) / f"copy{ending}"
                make(stored, path)
                best = Keeping().ordered([judged(path, 1), judged(first, 2)])[0]
                kept[kind] += best.number == 2
                path.unlink()
    return {kind: number / len(pictures) for kind, number in kept.items()}


def judged(path: Path, number: int) -> Copy:
    with Image.open(path) as image:
        size = image.size
    return Copy(number, state(str(path)), *size, examine(path))


def as_text(report: dict[str, dict[str, float]]) -> str:
    kinds = dict.fromkeys(kind for kept in report.values() for kind in kept)
    lines = [f"| copy | {' | '.join(report)} |", f"| --- |{' ---: |' * len(report)}"]
    for kind in kinds:
        cells = [f"{kept[kind]:.2f}" if kind in kept else "" for kept in report.values()]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
