"""Is one picture a part of another? Their small grey squares laid over each other, everywhere.

Means and deviations of features say what a picture shows, not where: two shots of a meadow have the
same. A copy also has its forms in the same place. The grey square of one picture is shrunk to each
of SCALES, with the proportions it has in the other, and moved over it; the best correlation counts.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.duplicates.fingerprints import GREY

SCALES = (1.0, 0.93, 0.865, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)
TILTS = (-10.0, -5.0, 5.0, 10.0)  # degrees that are tried where nothing upright fits
TILTED_SCALES = SCALES[:6]
BLUR = 1.5  # pixels: what is smoother than that many is left out, as most pictures share it
FAINT = 1.0  # grey levels; added to a window's deviation, so that flat ones do not count
AT_ONCE = 256  # pairs


def alignment(
    one: Tensor,
    other: Tensor,
    proportions: tuple[Tensor, Tensor],
    tilts: Sequence[float] = (0.0,),
    scales: Sequence[float] = SCALES,
) -> Tensor:
    """The best correlation of each pair over scales and places, either within the other: (pairs,).

    Args:
        one: grey squares (pairs, GREY, GREY) in 0 to 255.
        other: likewise.
        proportions: width by height of either, each (pairs,).
        tilts: degrees; the picture around the other is tilted by each.
        scales: sizes of the one inside, of the most that fits.
    """
    best = []
    for start in range(0, len(one), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        a, b = one[part].float(), other[part].float()
        a, b = a - _blurred(a), b - _blurred(b)
        shapes = proportions[0][part].float(), proportions[1][part].float()
        ratio = shapes[0] / shapes[1]
        found = [
            torch.maximum(
                _within(_tilted(a, shapes[0], tilt), b, 1 / ratio, scales),
                _within(_tilted(b, shapes[1], tilt), a, ratio, scales),
            )
            for tilt in tilts
        ]
        best.append(torch.stack(found).amax(0))
    return torch.cat(best) if best else torch.zeros(0)


def _tilted(squares: Tensor, proportions: Tensor, degrees: float) -> Tensor:
    """Squashed pictures (pairs, GREY, GREY) turned about their middle, with nothing beyond them."""
    if not degrees:
        return squares
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turning = squares.new_zeros((len(squares), 2, 3))
    turning[:, 0, 0] = turning[:, 1, 1] = cosine
    turning[:, 0, 1], turning[:, 1, 0] = -sine / proportions, sine * proportions
    grid = F.affine_grid(turning, [len(squares), 1, GREY, GREY], align_corners=False)
    return F.grid_sample(squares[:, None], grid, align_corners=False)[:, 0]


def _blurred(squares: Tensor) -> Tensor:
    """Grey squares (pairs, GREY, GREY), blurred with a Gaussian of BLUR pixels."""
    reach = round(4 * BLUR)
    places = torch.arange(-reach, reach + 1, dtype=squares.dtype)
    kernel = torch.exp(-places.square() / (2 * BLUR**2))
    kernel = kernel / kernel.sum()
    padded = F.pad(squares[:, None], (reach,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel.view(1, 1, 1, -1))
    return F.conv2d(across, kernel.view(1, 1, -1, 1))[:, 0]


def _within(whole: Tensor, part: Tensor, ratio: Tensor, scales: Sequence[float]) -> Tensor:
    """The best correlation of `part`, shrunk, with a window of `whole`, both (pairs, GREY, GREY).

    `ratio` (pairs,) is the proportions of `part` by those of `whole`. At each window it is the
    normalised correlation: all windows at once, by Fourier transforms.
    """
    spectrum, squares = torch.fft.rfft2(whole), torch.fft.rfft2(whole.square())
    best = whole.new_full((len(whole),), -1.0)
    for scale in scales:
        width = scale * torch.clamp(ratio, max=1)  # shares of the whole's sides
        height = scale * torch.clamp(1 / ratio, max=1)
        canvas, mask = _shrunk(part, width, height)
        count = mask.sum((1, 2), keepdim=True)
        canvas = (canvas - canvas.sum((1, 2), keepdim=True) / count) * mask
        masks = torch.fft.rfft2(mask).conj()
        shape = (GREY, GREY)
        mean = torch.fft.irfft2(spectrum * masks, s=shape) / count
        variance = torch.fft.irfft2(squares * masks, s=shape) / count - mean.square()
        product = torch.fft.irfft2(spectrum * torch.fft.rfft2(canvas).conj(), s=shape) / count
        deviation = (canvas.square().sum((1, 2), keepdim=True) / count).sqrt()
        correlation = product / ((variance.clamp_min(0).sqrt() + FAINT) * (deviation + FAINT))
        inside = _places(height, count.device)[:, :, None] & _places(width, count.device)[:, None]
        best = torch.maximum(best, correlation.masked_fill(~inside, -1).amax((1, 2)))
    return best


def _shrunk(part: Tensor, width: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """`part` shrunk into the upper left corner of its square, and where that is (1 there)."""
    steps = (torch.arange(GREY, device=part.device) + 0.5) / GREY
    x, y = steps / width[:, None], steps / height[:, None]  # (pairs, GREY), 0 to 1 inside
    mask = ((y <= 1)[:, :, None] & (x <= 1)[:, None]).to(part)
    shape = (len(part), GREY, GREY)
    grid = torch.stack(
        [(2 * x - 1)[:, None].expand(shape), (2 * y - 1)[:, :, None].expand(shape)], dim=-1
    )
    canvas = F.grid_sample(part[:, None], grid, padding_mode="border", align_corners=False)
    return canvas[:, 0] * mask, mask


def _places(share: Tensor, device: torch.device) -> Tensor:
    """At which offsets a window of `share` of the side lies inside: (pairs, GREY)."""
    rows = torch.floor(share * GREY + 0.5)[:, None]
    return torch.arange(GREY, device=device) <= GREY - rows
