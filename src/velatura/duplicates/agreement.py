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
UNSEEN = 0.1  # grey levels squared, added to variances: what varies less is not seen
QUIET = 0.2  # of the windows have no more noise than that one
LOWEST, LOW = 0.01, 0.1  # parts of all ink: how badly it agrees there
AT_ONCE = 256  # pairs


def agreement(one: Tensor, other: Tensor, fit: Fit) -> Tensor:
    """How well pictures agree where they agree least, and on the whole: (pairs, 4).

    The pictures are laid on each other, and correlated in windows. A window counts by the contrast
    it has in either picture: what is flat in both says nothing. First the means over rows and
    columns nearby are taken off, which lines of any text share: returned are the correlations that
    the worst agreeing LOWEST and LOW parts of all contrast have at most, and the mean. Straight
    strokes are lost so; the last number is LOWEST with them.

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
    (ink, strokes), (other_ink, other_strokes) = _ink(seen, covered), _ink(inner, covered)
    alike, weight = _correlations(ink, other_ink, covered)
    mean = (alike * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1e-3)
    lows = [_quantile(alike, weight, share) for share in (LOWEST, LOW)]
    strokes_low = _quantile(*_correlations(strokes, other_strokes, covered), LOWEST)
    return torch.cat([*lows, mean, strokes_low], 1)


def _ink(squares: Tensor, covered: Tensor) -> tuple[Tensor, Tensor]:
    """Squares (pairs, side, side), where covered, less their rows' and columns' means nearby.

    Then the same less what is smooth only.
    """
    side = squares.shape[-1]
    small, nearby = gaussian(side, SMALL), gaussian(side, NEARBY)
    across, down = (each.clamp_min(1e-3) for each in (covered @ nearby.T, nearby @ covered))
    whole = (small @ covered @ small.T).clamp_min(1e-3)
    fine = (small @ (squares * covered) @ small.T) / whole * covered
    ink = (fine - (fine @ nearby.T) / across) * covered
    ink = (ink - (nearby @ ink) / down) * covered
    share = (nearby @ covered @ nearby.T).clamp_min(1e-3)
    return ink, (fine - (nearby @ fine @ nearby.T) / share) * covered


def _correlations(one: Tensor, other: Tensor, covered: Tensor) -> tuple[Tensor, Tensor]:
    """Correlations of squares (pairs, side, side) in windows, and what each counts.

    Both are (pairs, windows).
    """
    windows = gaussian(covered.shape[-1], NEARBY)[EVERY // 2 :: EVERY]
    share = windows @ covered @ windows.T
    inside = (share > 0.5).float().flatten(1)
    power, other_power, product = (
        (windows @ both @ windows.T / share.clamp_min(1e-3)).flatten(1)
        for both in (one.square(), other.square(), one * other)
    )
    # What the other does not explain is noise, as far as it is everywhere.
    noise = _quantile(power - product.square() / other_power.clamp_min(1e-3), inside, QUIET)
    other_noise = _quantile(other_power - product.square() / power.clamp_min(1e-3), inside, QUIET)
    power = torch.maximum(power - noise, KEPT * power)
    other_power = torch.maximum(other_power - other_noise, KEPT * other_power)
    gain = (other_power * inside).sum(1) / (power * inside).sum(1).clamp_min(1e-3)
    gain = gain.clamp(1 / 16, 16).sqrt()[:, None]  # of contrast, half of it given to either
    power, other_power = power * gain, other_power / gain
    alike = product / ((power + UNSEEN) * (other_power + UNSEEN)).sqrt()
    return alike.clamp(-1, 1), torch.maximum(power, other_power) * inside


def _quantile(values: Tensor, weights: Tensor, share: float) -> Tensor:
    """Of each row of `values` (pairs, windows) the largest in the lowest `share`: (pairs, 1)."""
    ordered, order = values.sort(1)
    passed = weights.gather(1, order).cumsum(1)
    place = (passed < share * passed[:, -1:]).sum(1, keepdim=True)
    return ordered.gather(1, place.clamp_max(values.shape[1] - 1))
