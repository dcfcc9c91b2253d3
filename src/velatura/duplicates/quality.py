"""How good a picture is among copies of the same size, measured on all its pixels."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from velatura.duplicates.fingerprints import cosines
from velatura.duplicates.index import Quality
from velatura.images.encoding import encoding
from velatura.images.io import read

# The last was stored without loss after one, as its pixels show.
DEEP, NO_LOSS, LOSSY, SPOILT = range(4)
COLOURS, GREYS = 256, 32  # a photograph of no more has lost the others
PER_COLOUR = 16  # pixels; of fewer nothing can be told
FLAT = 0.9  # share of pixels equal to the next, in drawings
SAMPLE = 1 << 18  # pixels whose colours are counted
BLOCK = 8  # pixels a side of what JPEG codes at once
CODED = 0.08  # share of coefficients that JPEG alone has made small
FEWEST = 128  # squares; of fewer it cannot be told
LOOKED_AT = 1024  # pixels a side in which they are counted


def examine(path: Path) -> Quality:
    """Read a picture whole. Raises ImageError if it cannot be read."""
    picture = read(path)
    values = picture.pixels[0] * 255
    pixels = values.round().byte()
    # More than 8 bits, and used; where some is transparent, colours were mixed in reading.
    deep = picture.alpha is None and bool((values - pixels).abs().max() > 0.01)
    digest = hashlib.blake2b(repr(picture.size).encode(), digest_size=16)
    digest.update((values if deep else pixels).numpy().tobytes())
    if picture.alpha is not None:
        digest.update((picture.alpha * 255).round().byte().numpy().tobytes())
    stored, loss = encoding(path), LOSSY
    if stored.lossless:
        loss = SPOILT if is_spoilt(pixels) else DEEP if deep else NO_LOSS
    return Quality(digest.digest(), loss, stored.step, sharpness(picture.pixels[0].mean(0)))


def is_spoilt(pixels: Tensor) -> bool:
    """Whether a picture, uint8 (3, height, width), has lost something before it was stored.

    Of drawings, flat where they do not change, that cannot be told.
    """
    equal = (pixels[:, :, 1:] == pixels[:, :, :-1]).all(0).float().mean()
    return bool(equal < FLAT) and (has_few_colours(pixels) or was_jpeg(pixels))


def has_few_colours(pixels: Tensor) -> bool:
    """Whether a photograph, uint8 (3, height, width), has lost most colours to a palette."""
    flat = pixels.flatten(1)
    some = flat[:, :: max(1, flat.shape[1] // SAMPLE)].int()
    colours = len(torch.unique(some[0] << 16 | some[1] << 8 | some[2]))
    most = GREYS if bool((some == some[0]).all()) else COLOURS
    return colours <= most and colours * PER_COLOUR <= some.shape[1]


def was_jpeg(pixels: Tensor) -> bool:
    """Whether a picture, uint8 (3, height, width), has been a JPEG.

    Quantisation leaves many small coefficients in the squares that JPEG codes; in squares elsewhere
    there are as few as in any picture. (After Fan and de Queiroz, 2003.)
    """
    top, left = (max(0, side - LOOKED_AT) // 2 // BLOCK * BLOCK for side in pixels.shape[1:])
    shown = pixels[:, top : top + LOOKED_AT, left : left + LOOKED_AT].float()
    lightness = torch.tensordot(torch.tensor([0.299, 0.587, 0.114]), shown, 1)
    grids = [_squares(lightness[start:, start:]) for start in range(BLOCK)]
    if min(map(len, grids)) < FEWEST:
        return False
    basis = cosines(BLOCK, BLOCK)
    coded, *others = (((basis @ grid @ basis.T).abs() < 1).float().mean() for grid in grids)
    return bool(coded - max(others) > CODED)


def _squares(lightness: Tensor) -> Tensor:
    """The squares of BLOCK pixels that are not flat, from the upper left on: (squares, …)."""
    down, across = (side // BLOCK for side in lightness.shape)
    cut = lightness[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK)
    squares = cut.transpose(1, 2).reshape(-1, BLOCK, BLOCK)
    return squares[squares.amax((1, 2)) - squares.amin((1, 2)) >= BLOCK]


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
