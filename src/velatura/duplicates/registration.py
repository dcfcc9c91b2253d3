"""Two pictures that may be the same are brought to lie on each other exactly, and compared there.

`alignment` finds the place to a pixel of a coarse grid, where a copy may fit little better than
another part of a hedge. From there six numbers, an affine map, are improved by Gauss-Newton steps,
the inverse compositional method (Baker and Matthews, "Lucas-Kanade 20 Years On", 2004, section 2.2)
with a gain between the pictures. Then a copy fits well, and another part of a hedge does not.

Another page of the same layout fits well too, on the whole. `agreement` looks where the pictures
agree least: a copy has the same ink in every place that has any.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.duplicates.alignment import Fit, blurred, gaussian

FINE, COARSE = 0.7, 3.0  # pixels: what is finer or smoother than that many is left out
FAINT = 0.3  # grey levels, added to deviations, so that flat pictures do not fit
STEPS = 3
LARGEST = 0.15  # by which a number of the map may change in a step
MOST_GAIN = 5.0  # of contrast between the pictures
COVERED = 0.8  # of the inner picture that must lie in the outer
SMALLEST = 0.1  # part of the outer picture that the inner may be
DAMPING = 1e-3  # of the mean curvature, added to all: for pictures without forms
AT_ONCE = 256  # pairs
SMALL = 1.0  # pixels: finer detail does not outlast a copy
NEARBY = 2.5  # pixels: over which windows reach, and what is smoother is left out
EVERY = 4  # pixels from window to window
UNSEEN = 1.0  # grey levels squared, added to variances: what varies less is not seen
QUIET = 0.2  # of the windows have no more noise than that one
LOWEST, LOW = 0.02, 0.1  # parts of all ink: how badly it agrees there


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
        outer, inner = _nested(one[part], other[part], fit.inside[part])
        found.append(_improved(outer, inner, fit.place[part]))
    correlation, place = (torch.cat(tensors) for tensors in zip(*found, strict=True))
    return Fit(correlation, fit.inside, place)


def _nested(one: Tensor, other: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """The outer and the inner of each pair, float32 (pairs, side, side)."""
    a, b, inside = one.float(), other.float(), inside[:, None, None]
    return torch.where(inside, a, b), torch.where(inside, b, a)


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
        outer, inner = _nested(one[part], other[part], fit.inside[part])
        found.append(_agreement(outer, inner, fit.place[part]))
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
    power_a = torch.maximum(power_a - noise[0], 0.3 * power_a)
    power_b = torch.maximum(power_b - noise[1], 0.3 * power_b)
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
