"""Colours as a whole distribution, of which second moments hold but the spread."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.perception.losses import SMALLEST, Loss

BINS = 1024  # along a direction; finer than the grey levels of a file
MARGIN = 0.1  # how far, in terms of the cube of colours, a picture that is painted may leave it
FLAT = 0.02  # standard deviation, five grey levels: what spreads less is grain on one colour
AT_ONCE = 1 << 13  # pixels, so that what is needed meanwhile stays in the cache
ON_DEVICE = 1 << 20  # the same on a GPU, where each part is a call
_AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
_DIAGONALS = [[1, 1, 1], [1, -1, 0], [1, 0, -1], [0, 1, -1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
DIRECTIONS = F.normalize(torch.tensor([*_AXES, *_DIAGONALS], dtype=torch.float32))  # (D, 3)


class Palette(NamedTuple):
    """How an image's colours are distributed along each of the directions."""

    counts: Tensor  # (D, BINS), of pixels, or of what they weigh
    variance: float  # mean over the directions


def palette(image: Tensor, weights: Tensor | None = None) -> Palette:
    """That of `image` (1, 3, H, W), each pixel weighing `weights` (1, 1, H, W)."""
    counts = _counts(image, weights)
    centers = _centers(counts)
    total = counts.sum(1, keepdim=True).clamp_min(SMALLEST)
    mean = (counts * centers).sum(1, keepdim=True) / total
    variance = ((counts * (centers - mean).square()) / total).sum(1).mean()
    return Palette(counts, float(variance))


def distance(image: Tensor, wanted: Palette, weights: Tensor | None = None) -> Loss:
    """Squared sliced Wasserstein-2 distance of the colours of `image` to those wanted.

    Along a direction the best transport keeps the order: a colour goes to where the one of the same
    rank is (Rabin et al. 2011; Heitz et al. 2021, eq. 8, on a network's features). The mean over
    the directions, relative to the wanted colours' variance or that of FLAT. Ranks are counted in
    bins, so that it takes sums over pixels alone, and colours of one bin are moved alike.

    `image` (1, 3, H, W), of pixels that weigh `weights` (1, 1, H, W).
    """
    counts = _counts(image, weights)
    total = counts.sum(1, keepdim=True).clamp_min(SMALLEST)
    ranks = (counts.cumsum(1) - counts / 2) / total
    moves = _centers(counts) - _at_ranks(wanted.counts, ranks)  # (D, BINS)
    size = len(DIRECTIONS) * max(wanted.variance, FLAT**2)
    value = (counts * moves.square() / total).sum() / size
    pushes = moves * (2 / (size * total))
    gradient = torch.empty_like(image)
    flat, start = gradient[0].flatten(1), 0  # (3, N), a view
    for part, weighs in _parts(image, weights):
        push = pushes.gather(1, _places(part))
        if weighs is not None:
            push = push * weighs
        flat[:, start : start + part.shape[1]] = DIRECTIONS.to(push).T @ push
        start += part.shape[1]
    return Loss(value, gradient)


def _counts(image: Tensor, weights: Tensor | None) -> Tensor:
    """How much the colours in each bin along each direction weigh, (D, BINS)."""
    counts = torch.zeros(len(DIRECTIONS), BINS, device=image.device)
    for part, weighs in _parts(image, weights):
        places = _places(part)
        if image.device.type != "cpu":  # where bincount asks the device how many bins there are
            counted = torch.ones_like(part[0]) if weighs is None else weighs.to(counts)
            counts.scatter_add_(1, places, counted.expand(len(places), -1))
            continue
        for of_direction, of_places in zip(counts, places, strict=True):
            of_direction += torch.bincount(of_places, weighs, BINS)
    return counts


def _parts(image: Tensor, weights: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Colours (3, n) and what they weigh (n), some pixels at a time."""
    at_once = AT_ONCE if image.device.type == "cpu" else ON_DEVICE
    colors = torch.split(image[0].flatten(1), at_once, dim=1)
    if weights is None:
        yield from ((part, None) for part in colors)
    else:
        yield from zip(colors, torch.split(weights.flatten(), at_once), strict=True)


def _ends(like: Tensor) -> tuple[Tensor, Tensor]:
    """The first bin's beginning along each direction, and a bin's width; (D, 1)."""
    directions = DIRECTIONS.to(like)
    low = directions.clamp_max(0).sum(1, keepdim=True)
    high = directions.clamp_min(0).sum(1, keepdim=True)
    return low - MARGIN, (high - low + 2 * MARGIN) / BINS


def _places(colors: Tensor) -> Tensor:
    """The bin of each of `colors` (3, n) along each direction, (D, n)."""
    first, width = _ends(colors)
    places = torch.addmm(-first / width, DIRECTIONS.to(colors) / width, colors)
    return places.clamp_(0, BINS - 1).long()


def _centers(like: Tensor) -> Tensor:
    """The colour in the middle of each bin along each direction, (D, BINS)."""
    first, width = _ends(like)
    return first + width * (torch.arange(BINS, device=like.device) + 0.5)


def _at_ranks(counts: Tensor, ranks: Tensor) -> Tensor:
    """The colour at each of `ranks` (D, n) in [0, 1] of a distribution (D, BINS)."""
    first, width = _ends(counts)
    total = counts.sum(1, keepdim=True).clamp_min(SMALLEST)
    until = counts.cumsum(1) / total
    places = torch.searchsorted(until, ranks.contiguous()).clamp_max(BINS - 1)
    share = (counts / total).gather(1, places)
    within = (ranks - until.gather(1, places) + share) / share.clamp_min(SMALLEST)
    return first + width * (places + within.clamp(0, 1))
