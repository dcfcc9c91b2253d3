"""Render Velatura's three sample pictures from nothing: a landscape, a canvas and a collage.

Run it from anywhere (it needs only NumPy and Pillow, and no network):

    python examples/make_samples.py

It writes ``photograph.jpg``, ``brush.jpg`` and ``collage.jpg`` into ``src/velatura/samples``.
Every random number comes from a fixed seed, and everything is drawn at twice the final size.
"""

from pathlib import Path

from samples.brush import make_brush
from samples.collage import make_collage
from samples.photograph import make_photograph

OUT = Path(__file__).resolve().parent.parent / "src" / "velatura" / "samples"
PICTURES = {
    "photograph.jpg": make_photograph,
    "brush.jpg": make_brush,
    "collage.jpg": make_collage,
}


def main() -> None:
    """Render and save the three pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        image = make()
        image.save(OUT / name, quality=90, optimize=True)
        kilobytes = (OUT / name).stat().st_size // 1024
        print(f"{name}: {image.width}x{image.height}, {kilobytes} kB")


if __name__ == "__main__":
    main()
