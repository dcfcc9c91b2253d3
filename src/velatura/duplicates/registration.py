"""Two pictures that may be the same are brought to lie on each other exactly.

`alignment` finds the place to a pixel of a coarse grid, where a copy may fit little better than
another part of a hedge. From there six numbers, an affine map, are improved by Gauss-Newton steps,
the inverse compositional method (Baker and Matthews, "Lucas-Kanade 20 Years On", 2004, section 2.2)
with a gain between the pictures. Then a copy fits well, and another part of a hedge does not.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.duplicates.alignment import Fit, blurred

FINE, COARSE = 0.7, 3.0  # pixels: what is finer or smoother than that many is left out
FAINT = 0.3  # grey levels, added to deviations, so that flat pictures do not fit
STEPS = 3
LARGEST = 0.15  # by which a number of the map may change in a step
MOST_GAIN = 5.0  # of contrast between the pictures
COVERED = 0.8  # of the inner picture that must lie in the outer
SMALLEST = 0.1  # part of the outer picture that the inner may be
DAMPING = 1e-3  # of the mean curvature, added to all: for pictures without forms
AT_ONCE = 256  # pairs


def registered(one: Tensor, other: Tensor, fit: Fit) -> Fit:
    """The best fit of each pair near where it fits; its correlation is -1 where there is none.

    Args:
        one: grey squares (pairs, side, side) in 0 to 255.
        other: likewise.
        fit: where to begin.
    """
    found = []
    for start in range(0, max(1, len(one)), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        some = fit.part(part)
        found.append(_improved(*some.nested(one[part], other[part]), some.place))
    correlation, place = (torch.cat(tensors) for tensors in zip(*found, strict=True))
    return Fit(correlation, fit.inside, place)


def _improved(outer: Tensor, inner: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """The best correlation of `inner` near its place in `outer`, and where that is.

    Squares are (pairs, side, side), the results (pairs,) and (pairs, 2, 3).
    """
    pairs, side = inner.shape[:2]
    wanted = _band(inner)
    slopes = _slopes(wanted)
    place = F.pad(place, (0, 0, 0, 1))
    place[:, 2, 2] = 1
    best, where = inner.new_full((pairs,), -1.0), place
    for _ in range(STEPS + 1):
        grid = F.affine_grid(place[:, :2], [pairs, 1, side, side], align_corners=False)
        covered = (grid.abs() <= 1 + 1 / side).all(-1).float().flatten(1)
        seen = F.grid_sample(outer[:, None], grid, padding_mode="border", align_corners=False)
        found, target = (_centred(part, covered) for part in (_band(seen[:, 0]), wanted))
        share, size = covered.mean(1), torch.linalg.det(place).abs()
        power, product = found.square().sum(1), (found * target).sum(1)
        count = covered.sum(1).clamp_min(1)
        deviations = (power / count).sqrt(), (target.square().sum(1) / count).sqrt()
        correlation = product / count / ((deviations[0] + FAINT) * (deviations[1] + FAINT)) * share
        possible = (share >= COVERED) & (size >= SMALLEST)
        better = possible & (correlation > best)
        best = torch.where(better, correlation, best)
        where = torch.where(better[:, None, None], place, where)
        gain = (product / power.clamp_min(1e-6)).clamp(0, MOST_GAIN)
        change = _step(slopes * covered[:, None], slopes, gain[:, None] * found - target)
        place = place @ torch.linalg.inv(change)
    return best, where[:, :2]


def _band(squares: Tensor) -> Tensor:
    """What is neither finer than FINE nor smoother than COARSE."""
    return blurred(squares, FINE) - blurred(squares, COARSE)


def _slopes(squares: Tensor) -> Tensor:
    """How squares (pairs, side, side) change with each number of the map: (pairs, 6, side²)."""
    side = squares.shape[-1]
    across = F.pad(squares[:, :, 2:] - squares[:, :, :-2], (1, 1)) * side / 4
    down = F.pad(squares[:, 2:] - squares[:, :-2], (0, 0, 1, 1)) * side / 4
    places = (torch.arange(side) + 0.5) * 2 / side - 1
    x, y = places, places[:, None]
    return torch.stack([across * x, across * y, across, down * x, down * y, down], 1).flatten(2)


def _centred(squares: Tensor, covered: Tensor) -> Tensor:
    """Squares (pairs, side, side) less their mean where `covered` (pairs, side²), else 0."""
    flat = squares.flatten(1) * covered
    return flat - covered * (flat.sum(1) / covered.sum(1).clamp_min(1))[:, None]


def _step(weighted: Tensor, slopes: Tensor, error: Tensor) -> Tensor:
    """The Gauss-Newton step, as a map of places in the inner picture: (pairs, 3, 3)."""
    curvature = weighted @ slopes.transpose(1, 2)
    level = curvature.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    curvature = curvature + torch.eye(6) * (DAMPING * level + 1e-6)
    numbers = torch.linalg.solve(curvature, weighted @ error[:, :, None])[:, :, 0]
    change = F.pad(numbers.clamp(-LARGEST, LARGEST).view(-1, 2, 3), (0, 0, 0, 1))
    return change + torch.eye(3)
