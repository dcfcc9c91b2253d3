"""What the three pictures share: noise, blending, sampling, conversions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
Rng = np.random.Generator
Color = tuple[int, int, int]
Point = tuple[float, float]

CANVAS = (1024, 1280)  # rows and columns of the painted pictures while they are drawn


def noise(shape: tuple[int, int], cell: float, rng: Rng) -> Array:
    """Smooth random values in about 0..1 whose bumps are ``cell`` pixels across."""
    rows, cols = (int(np.ceil(side / cell)) + 3 for side in shape)
    grid = Image.fromarray(rng.random((rows, cols)).astype(np.float32))
    box = (1.0, 1.0, 1.0 + shape[1] / cell, 1.0 + shape[0] / cell)
    return np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC, box), dtype=float)


def fractal(
    shape: tuple[int, int], cell: float, octaves: int, rng: Rng, *, ridged: bool = False
) -> Array:
    """Sum octaves of noise, scaled to 0..1; ``ridged`` folds each octave into sharp crests."""
    total, gain, weight = np.zeros(shape), 1.0, np.ones(shape)
    for octave in range(octaves):
        layer = noise(shape, max(cell / 2**octave, 1.0), rng)
        if ridged:
            layer = (1 - np.abs(2 * layer - 1)).clip(0, 1) ** 2 * weight
            weight = (layer * 2.2 + 0.15).clip(0, 1)
        total += gain * layer
        gain *= 0.54 if ridged else 0.5
    return (total - total.min()) / np.ptp(total)


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Rise from 0 to 1 between ``low`` and ``high`` without a kink."""
    t = ((value - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def mix(a: object, b: object, t: Array) -> Array:
    """Blend two colours (or colour images) by a map of weights."""
    return np.asarray(a, float) + (np.asarray(b, float) - np.asarray(a, float)) * t[..., None]


def sample(grid: Array, row: Array, col: Array) -> Array:
    """Read ``grid`` at fractional positions (bilinear, clamped to its borders)."""
    row, col = row.clip(0, grid.shape[0] - 1.001), col.clip(0, grid.shape[1] - 1.001)
    r, c = row.astype(int), col.astype(int)
    extra = (1,) * (grid.ndim - 2)
    fr, fc = (row - r).reshape(*r.shape, *extra), (col - c).reshape(*c.shape, *extra)
    top = grid[r, c] * (1 - fc) + grid[r, c + 1] * fc
    return top * (1 - fr) + (grid[r + 1, c] * (1 - fc) + grid[r + 1, c + 1] * fc) * fr


def to_image(pixels: Array) -> Image.Image:
    """Turn values of 0..1 into an 8-bit picture."""
    return Image.fromarray((pixels * 255).clip(0, 255).astype(np.uint8))


def from_image(image: Image.Image) -> Array:
    """Turn an 8-bit picture into values of 0..1."""
    return np.asarray(image, dtype=float) / 255


def shade(color: Sequence[float], factor: float) -> Color:
    """Brighten or darken a colour of 0..255."""
    r, g, b = (int(min(max(channel * factor, 0), 255)) for channel in color)
    return r, g, b


def halve(image: Image.Image) -> Image.Image:
    """Bring a picture from the size it was drawn at to its final size."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
