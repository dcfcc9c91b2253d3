"""Pictures that lie on each other are compared where they agree least.

Another page of the same layout fits well on the whole. A copy has the same ink in every place.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.duplicates.alignment import Fit, gaussian

SMALL = 1.0  # pixels: finer detail does not outlast a copy
NEARBY = 2.5  # pixels: over which windows reach, and what is smoother is left out
EVERY = 4  # pixels from window to window
KEPT = 0.3  # of a window's variance is never taken for noise
UNSEEN = 1.0  # grey levels squared, added to variances: what varies less is not seen
QUIET = 0.2  # of the windows have no more noise than that one
LOWEST, LOW = 0.02, 0.1  # parts of all ink: how badly it agrees there
AT_ONCE = 256  # pairs


def agreement(one: Tensor, other: Tensor, fit: Fit) -> Tensor:
    """How well pictures agree where they agree least, and on the whole: (pairs, 3).

    The pictures are laid on each other, and correlated in windows. Their means over rows and
    columns nearby are taken off, which lines of any text share. A window counts by the contrast it
    has in either picture: what is flat in both says nothing. Returned are the correlations that the
    worst agreeing LOWEST and LOW parts of all contrast have at most, and the mean.

    Args:
        one: grey squares (pairs, side, side) in 0 to 255.
        other: likewise.
        fit: how they lie on each other.
    """
    found = []
    for start in range(0, max(1, len(one)), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        some = fit.part(part)
        found.append(_agreement(*some.nested(one[part], other[part]), some.place))
    return torch.cat(found)


def _agreement(outer: Tensor, inner: Tensor, place: Tensor) -> Tensor:
    """`agreement` of pictures of which `inner` lies at `place` in `outer`."""
    pairs, side = inner.shape[:2]
    grid = F.affine_grid(place, [pairs, 1, side, side], align_corners=False)
    covered = (grid.abs() <= 1 - 1 / side).all(-1).float()
    seen = F.grid_sample(outer[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
    a, b = _ink(seen, covered), _ink(inner, covered)
    windows = gaussian(side, NEARBY)[EVERY // 2 :: EVERY]
    share = windows @ covered @ windows.T
    inside = (share > 0.5).float().flatten(1)
    power_a, power_b, product = (
        (windows @ both @ windows.T / share.clamp_min(1e-3)).flatten(1)
        for both in (a.square(), b.square(), a * b)
    )
    noise = [
        _quantile(mine - product.square() / theirs.clamp_min(1e-3), inside, QUIET)
        for mine, theirs in ((power_a, power_b), (power_b, power_a))
    ]
    power_a = torch.maximum(power_a - noise[0], KEPT * power_a)
    power_b = torch.maximum(power_b - noise[1], KEPT * power_b)
    gain = (power_b * inside).sum(1) / (power_a * inside).sum(1).clamp_min(1e-3)
    gain = gain.clamp(1 / 16, 16).sqrt()[:, None]  # of contrast, half of it given to either
    power_a, power_b = power_a * gain, power_b / gain
    weight = torch.maximum(power_a, power_b) * inside
    alike = product / ((power_a + UNSEEN) * (power_b + UNSEEN)).sqrt()
    alike = alike.clamp(-1, 1)
    mean = (alike * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1e-3)
    return torch.cat([_quantile(alike, weight, LOWEST), _quantile(alike, weight, LOW), mean], 1)


def _ink(squares: Tensor, covered: Tensor) -> Tensor:
    """Squares (pairs, side, side) where they are covered, less their rows' and columns' means."""
    side = squares.shape[-1]
    small, nearby = gaussian(side, SMALL), gaussian(side, NEARBY)
    whole = (small @ covered @ small.T).clamp_min(1e-3)
    ink = (small @ (squares * covered) @ small.T) / whole * covered
    ink = (ink - (ink @ nearby.T) / (covered @ nearby.T).clamp_min(1e-3)) * covered
    return (ink - (nearby @ ink) / (nearby @ covered).clamp_min(1e-3)) * covered


def _quantile(values: Tensor, weights: Tensor, share: float) -> Tensor:
    """Of each row of `values` (pairs, windows) the largest in the lowest `share`: (pairs, 1)."""
    ordered, order = values.sort(1)
    passed = weights.gather(1, order).cumsum(1)
    place = (passed < share * passed[:, -1:]).sum(1, keepdim=True)
    return ordered.gather(1, place.clamp_max(values.shape[1] - 1))
