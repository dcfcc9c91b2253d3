"""The pictures that come with the package, to try things with."""

from importlib.resources import files
from pathlib import Path

PHOTOGRAPHS = ("photograph.jpg",)
PAINTINGS = ("brush.jpg", "collage.jpg")


def sample(name: str) -> Path:
    """Where the package keeps one of them."""
    return Path(str(files("velatura.samples"))) / name
