"""Photographs and paintings at the sizes that benchmarks compare them at."""

from pathlib import Path

from torch import Tensor

from velatura.images.io import read
from velatura.images.resize import fit, resize


def at_size(path: Path, long_side: int) -> Tensor:
    """The image (1, 3, height, width) with a long side of so many pixels."""
    image = read(path).pixels
    return resize(image, fit((image.shape[-2], image.shape[-1]), long_side))


def at_area(painting: Tensor, size: tuple[int, int], factor: float = 1.0) -> Tensor:
    """The painting in its own shape, with the pixels of a picture of `size`, times `factor` a side.

    This is what the program itself takes the style from; squashed, it would be another style.
    """
    height, width = painting.shape[-2:]
    root = factor * (size[0] * size[1] / (height * width)) ** 0.5
    return resize(painting, (round(height * root), round(width * root)))
