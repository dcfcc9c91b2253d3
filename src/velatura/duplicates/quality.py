"""How good a picture is among copies of the same size, measured on all its pixels."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from velatura.duplicates.index import Quality
from velatura.images.encoding import encoding
from velatura.images.io import read

NO_LOSS, LOSSY, FEW_COLOURS = range(3)
COLOURS, GREYS = 256, 32  # a photograph of no more has lost the others
PER_COLOUR = 16  # pixels; of fewer nothing can be told
FLAT = 0.75  # share of pixels equal to the next: drawings have few colours by nature
SAMPLE = 1 << 18  # pixels whose colours are counted
BLOCK = 8  # pixels a side of what JPEG codes at once


def examine(path: Path) -> Quality:
    """Read a picture whole. Raises ImageError if it cannot be read."""
    picture = read(path)
    pixels = (picture.pixels[0] * 255).round().byte()
    digest = hashlib.blake2b(repr(picture.size).encode(), digest_size=16)
    digest.update(pixels.numpy().tobytes())
    if picture.alpha is not None:
        digest.update((picture.alpha * 255).round().byte().numpy().tobytes())
    stored = encoding(path)
    loss = LOSSY if not stored.lossless else FEW_COLOURS if has_few_colours(pixels) else NO_LOSS
    return Quality(digest.digest(), loss, stored.step, sharpness(picture.pixels[0].mean(0)))


def has_few_colours(pixels: Tensor) -> bool:
    """Whether a picture, uint8 (3, height, width), has lost most colours to a palette.

    Those of a drawing are few as well, but it is flat where they do not change.
    """
    flat = pixels.flatten(1)
    some = flat[:, :: max(1, flat.shape[1] // SAMPLE)].int()
    colours = len(torch.unique(some[0] << 16 | some[1] << 8 | some[2]))
    most = GREYS if bool((some == some[0]).all()) else COLOURS
    if colours > most or colours * PER_COLOUR > some.shape[1]:
        return False
    equal = (pixels[:, :, 1:] == pixels[:, :, :-1]).all(0)
    return float(equal.float().mean()) < FLAT


def sharpness(grey: Tensor) -> float:
    """Root mean square of second differences of lightness (height, width), in [0, 1].

    Taken of means of two by two pixels, where little is left of dithering, and only inside of the
    squares that JPEG codes, whose edges are none of the picture's.
    """
    height, width = (side // BLOCK * BLOCK for side in grey.shape)
    if not height or not width:
        return 0.0
    half = grey[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    total, side = 0.0, BLOCK // 2
    for lines in (half, half.T):
        blocks = lines.reshape(len(lines), -1, side)
        total += float((blocks[..., :-2] - 2 * blocks[..., 1:-1] + blocks[..., 2:]).square().mean())
    return float(np.sqrt(total / 2))
