"""Is one picture a part of another? Their small grey squares laid over each other, everywhere.

Means and deviations of features say what a picture shows, not where: two shots of a meadow have the
same. A copy also has its forms in the same place. The grey square of one picture is shrunk to each
of SCALES, with the proportions it has in the other, and moved over it; where both correlate best,
`registration` looks closer. A page needs a finer search, which also tilts: `starts`.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 32  # pixels a side that squares are reduced to: a search need not be finer
SCALES = (1.0, 0.93, 0.865, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)
TILTS = (-10.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0)  # degrees that `starts` tries
BLUR = 1.5  # pixels: what is smoother than that many is left out, as most pictures share it
FAINT = 1.0  # grey levels; added to a window's deviation, so that flat ones do not count
AT_ONCE = 256  # pairs


class Fit(NamedTuple):
    """How well the pictures of each pair fit, and where."""

    correlation: Tensor  # (pairs,)
    inside: Tensor  # (pairs,), whether the other lies in the one, not the one in the other
    place: Tensor  # (pairs, 2, 3): where a point of the inner, from -1 to 1, lies in the outer

    def part(self, chosen: Tensor | slice) -> "Fit":
        """Those of some of the pairs."""
        return Fit(*(each[chosen] for each in self))

    def nested(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """The outer and the inner square of each pair, float32 (pairs, side, side)."""
        inside, one, other = self.inside[:, None, None], one.float(), other.float()
        return torch.where(inside, one, other), torch.where(inside, other, one)

    def or_better(self, fit: "Fit") -> "Fit":
        """The better of two fits, for each pair."""
        better = fit.correlation > self.correlation
        return Fit(
            torch.maximum(fit.correlation, self.correlation),
            torch.where(better, fit.inside, self.inside),
            torch.where(better[:, None, None], fit.place, self.place),
        )


def alignment(one: Tensor, other: Tensor, proportions: tuple[Tensor, Tensor]) -> Fit:
    """The best correlation of each pair over scales and places, either within the other.

    Args:
        one: grey squares (pairs, side, side) in 0 to 255.
        other: likewise.
        proportions: width by height of either, each (pairs,).
    """
    found = []
    for start in range(0, max(1, len(one)), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        squares = _rough(one[part], SIDE), _rough(other[part], SIDE)
        found.append(_either(squares, (proportions[0][part], proportions[1][part]), 0.0, SCALES))
    return Fit(*(torch.cat(tensors) for tensors in zip(*found, strict=True)))


def starts(one: Tensor, other: Tensor, proportions: tuple[Tensor, Tensor], count: int) -> list[Fit]:
    """The `count` best of TILTS and SCALES, each at its best place, searched at the squares' side.

    The arguments are those of `alignment`. The picture around the other is tilted.
    """
    squares = _rough(one, one.shape[-1]), _rough(other, other.shape[-1])
    fits = [_either(squares, proportions, tilt, (scale,)) for tilt in TILTS for scale in SCALES]
    return best_of(fits, count)


def best_of(fits: Sequence[Fit], count: int) -> list[Fit]:
    """Of each pair's fits the `count` that correlate best, the best first."""
    every = [torch.stack(tensors) for tensors in zip(*fits, strict=True)]
    pairs = torch.arange(every[0].shape[1])
    order = every[0].argsort(dim=0, descending=True)[:count]
    return [Fit(*(tensor[row, pairs] for tensor in every)) for row in order]


def blurred(squares: Tensor, deviation: float) -> Tensor:
    """Squares (pairs, side, side), blurred with a Gaussian; `deviation` in pixels."""
    blur = gaussian(squares.shape[-1], deviation)
    return blur @ squares @ blur.T


@lru_cache
def gaussian(side: int, deviation: float) -> Tensor:
    """A Gaussian blur of `side` pixels as a matrix; beyond their ends they go on as they end."""
    reach = math.ceil(4 * deviation)
    places = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-places.square() / (2 * deviation**2))
    rows = torch.arange(side)[:, None].expand(side, len(places))
    columns = (rows + places).clamp(0, side - 1)
    blur = torch.zeros(side, side)
    return blur.index_put_(
        (rows, columns), (kernel / kernel.sum()).expand_as(rows), accumulate=True
    )


def _rough(squares: Tensor, side: int) -> Tensor:
    """Squares reduced to (pairs, side, side), less what is smooth."""
    small = F.interpolate(squares[:, None].float(), (side, side), mode="area")[:, 0]
    return small - blurred(small, BLUR)


def _either(
    squares: tuple[Tensor, Tensor],
    proportions: tuple[Tensor, Tensor],
    tilt: float,
    scales: Sequence[float],
) -> Fit:
    """The better of the one within the other, tilted, and the other within the one."""
    (a, b), (shape, other_shape) = squares, (each.float() for each in proportions)
    swapped = _within(b, a, other_shape, shape, tilt, scales)
    return _within(a, b, shape, other_shape, tilt, scales).or_better(
        swapped._replace(inside=~swapped.inside)
    )


def _tilt(proportions: Tensor, degrees: float) -> Tensor:
    """Where a point of a squashed picture turned about its middle lies in it: (pairs, 2, 3)."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turning = proportions.new_zeros((len(proportions), 2, 3))
    turning[:, 0, 0] = turning[:, 1, 1] = cosine
    turning[:, 0, 1], turning[:, 1, 0] = -sine / proportions, sine * proportions
    return turning


def _within(
    outer: Tensor,
    inner: Tensor,
    outer_shape: Tensor,
    inner_shape: Tensor,
    tilt: float,
    scales: Sequence[float],
) -> Fit:
    """How `inner`, shrunk, fits best into `outer`, tilted; both (pairs, side, side).

    Shapes are proportions (pairs,). At each window it is the normalised correlation: all windows at
    once, by Fourier transforms.
    """
    side = outer.shape[-1]
    turning = _tilt(outer_shape, tilt)
    if tilt:
        grid = F.affine_grid(turning, [len(outer), 1, side, side], align_corners=False)
        outer = F.grid_sample(outer[:, None], grid, align_corners=False)[:, 0]
    spectrum, squares = torch.fft.rfft2(outer), torch.fft.rfft2(outer.square())
    ratio = inner_shape / outer_shape
    best = outer.new_full((len(outer),), -1.0)
    window = outer.new_zeros((len(outer), 4))  # left, top, width, height, as shares of the sides
    for scale in scales:
        width = scale * torch.clamp(ratio, max=1)
        height = scale * torch.clamp(1 / ratio, max=1)
        canvas, mask = _shrunk(inner, width, height)
        count = mask.sum((1, 2), keepdim=True)
        canvas = (canvas - canvas.sum((1, 2), keepdim=True) / count) * mask
        masks = torch.fft.rfft2(mask).conj()
        shape = (side, side)
        mean = torch.fft.irfft2(spectrum * masks, s=shape) / count
        variance = torch.fft.irfft2(squares * masks, s=shape) / count - mean.square()
        product = torch.fft.irfft2(spectrum * torch.fft.rfft2(canvas).conj(), s=shape) / count
        deviation = (canvas.square().sum((1, 2), keepdim=True) / count).sqrt()
        correlation = product / ((variance.clamp_min(0).sqrt() + FAINT) * (deviation + FAINT))
        possible = _offsets(height, side)[:, :, None] & _offsets(width, side)[:, None]
        found, at = correlation.masked_fill(~possible, -1).flatten(1).max(1)
        here = torch.stack([at % side / side, at // side / side, width, height], dim=1)
        window = torch.where((found > best)[:, None], here, window)
        best = torch.maximum(best, found)
    left, top, width, height = window.unbind(1)
    placing = torch.zeros_like(turning)
    placing[:, 0, 0], placing[:, 1, 1] = width, height
    placing[:, 0, 2], placing[:, 1, 2] = 2 * left + width - 1, 2 * top + height - 1
    return Fit(best, torch.ones_like(best, dtype=torch.bool), turning[:, :, :2] @ placing)


def _shrunk(part: Tensor, width: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """`part` shrunk into the upper left corner of its square, and where that is (1 there)."""
    side = part.shape[-1]
    steps = (torch.arange(side) + 0.5) / side
    x, y = steps / width[:, None], steps / height[:, None]  # (pairs, side), 0 to 1 inside
    mask = ((y <= 1)[:, :, None] & (x <= 1)[:, None]).to(part)
    shape = part.shape
    grid = torch.stack(
        [(2 * x - 1)[:, None].expand(shape), (2 * y - 1)[:, :, None].expand(shape)], dim=-1
    )
    canvas = F.grid_sample(part[:, None], grid, padding_mode="border", align_corners=False)
    return canvas[:, 0] * mask, mask


def _offsets(share: Tensor, side: int) -> Tensor:
    """At which offsets a window of `share` of the side lies inside: (pairs, side)."""
    rows = torch.floor(share * side + 0.5)[:, None]
    return torch.arange(side) <= side - rows
