"""The terms of the objective that look at the network's features.

A term is shown the features of an image part by part on the way forward, settles what it wants of
them, and on the way back says what gradient each part gets. Sums over positions, as moments are,
need both passes; errors of features need the second alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.painting.walk import Part, Walk, positions
from velatura.painting.workers import Workers
from velatura.perception import losses
from velatura.perception.layers import channels, geometry

Terms: TypeAlias = dict[str, Tensor]
"""Weighted losses by name, as `style relu3_1`; their sum is the loss. Tensors of shape ()."""

AT_ONCE = 1 << 24  # numbers of features whose errors are taken at once, in float32

Mask: TypeAlias = dict[str, Tensor | None]
"""Per layer how much its positions count, (1, 1, H, W) in [0, 1]; None where all count fully."""


class Term(Protocol):
    """A part of the loss that is computed from features."""

    layers: Mapping[str, float]
    """The layers that it looks at, with their weights."""

    def begin(self, image: Tensor) -> None:
        """A new image (1, 3, height, width) is about to be shown."""

    def look(self, part: Part, features: Tensor) -> None:
        """On the way forward: features (1, C, h, w) of a part of one of the layers."""

    def settle(self, workers: Workers) -> None:
        """All parts were shown, to all workers together."""

    def push(self, part: Part, features: Tensor) -> Tensor:
        """On the way back: the gradient at the same features."""

    def values(self, workers: Workers) -> Terms:
        """The weighted losses of the image."""


class Region(NamedTuple):
    """A part of the picture, and the styles that its statistics are to be like."""

    place: Tensor | None  # (1, 1, height, width), how much its pixels count; None for all fully
    shares: dict[str, dict[int, float]]  # of the loss, by layer and number of the style

    def mask(self, layers: Mapping[str, float]) -> Mask:
        """How much the positions of `layers` count in it."""
        return mask_at(self.place, layers)


def mask_at(place: Tensor | None, layers: Mapping[str, float]) -> Mask:
    """The mean of `place` (1, 1, height, width) over the pixels each position stands for."""
    return {
        name: None if place is None else F.avg_pool2d(place, geometry(name).stride)
        for name in layers
    }


class FeatureErrors:
    """Squared errors of features towards others, layer by layer: what two terms have in common."""

    kind = ""

    def __init__(self, layers: Mapping[str, float]) -> None:
        self.layers = layers
        self.divisors: dict[str, float] = {}
        self.errors: Terms = {}

    def begin(self, image: Tensor) -> None:
        """No error so far."""
        self.errors = {name: image.new_zeros(()) for name in self.layers}

    def look(self, part: Part, features: Tensor) -> None:
        """Nothing is to be known beforehand."""

    def settle(self, workers: Workers) -> None:
        """Nothing was to be known."""

    def error(
        self, part: Part, features: Tensor, target: Tensor, weights: Tensor | None, share: float = 1
    ) -> Tensor:
        """The gradient of one part's error, which is added to the layer's; times `share`."""
        weight, divisor = share * self.layers[part.layer], self.divisors[part.layer]
        if features.numel() <= AT_ONCE:
            loss = losses.content(features, target, divisor, weights)
            self.errors[part.layer] += weight * loss.value
            return weight * loss.gradient
        gradient = torch.empty_like(features)
        rows = max(1, AT_ONCE * features.shape[2] // features.numel())
        for start in range(0, features.shape[2], rows):
            some = (slice(None), slice(None), slice(start, start + rows))
            counts = None if weights is None else weights[some]
            loss = losses.content(features[some], target[some], divisor, counts)
            self.errors[part.layer] += weight * loss.value
            gradient[some] = weight * loss.gradient
        return gradient

    def values(self, workers: Workers) -> Terms:
        """The errors, summed over all workers' parts."""
        workers.add(*self.errors.values())
        return {f"{self.kind} {name}": value for name, value in self.errors.items()}


class ContentTerm(FeatureErrors):
    """How far features are from the content image's (Gatys et al. 2016, eq. 1).

    Args:
        layers: with weights.
        walk: over images of the size of `content`.
        content: (1, 3, height, width).
        divisor: what errors are divided by: `relative` to the target's sum of squares, the number
            of elements (`mse`), or two (`sum`).
        focus: how much each place counts, (1, 1, any height, any width), or all alike.
    """

    kind = "content"

    def __init__(
        self,
        layers: Mapping[str, float],
        walk: Walk,
        content: Tensor,
        divisor: str,
        focus: Tensor | None,
    ) -> None:
        super().__init__(layers)
        self.targets: dict[Part, Tensor] = {}
        size = (content.shape[-2], content.shape[-1])
        self.focus = {name: _focus_at(name, focus, content, size) for name in layers}
        if layers:
            walk.forward(content, self._keep, layers)
        for name in layers:
            self.divisors[name] = self._divisor(name, divisor, walk.workers)

    def push(self, part: Part, features: Tensor) -> Tensor:
        """The gradient of the part's error."""
        return self.error(part, features, self.targets[part], self._weights(part))

    def _keep(self, part: Part, features: Tensor) -> None:
        self.targets[part] = features.clone()

    def _weights(self, part: Part) -> Tensor | None:
        focus = self.focus[part.layer]
        return None if focus is None else part.of(focus)

    def _divisor(self, layer: str, divisor: str, workers: Workers) -> float:
        """What squared errors at `layer`, summed over all workers' parts, are divided by."""
        if divisor == "sum":
            return 2.0
        parts = {part: target for part, target in self.targets.items() if part.layer == layer}
        if divisor == "relative":
            sizes = [float(losses.square_sum(t, self._weights(p))) for p, t in parts.items()]
        else:
            sizes = [target.numel() for target in parts.values()]
        size = torch.tensor(sum(sizes), dtype=torch.float64)
        workers.add(size)
        return float(size)


class Moments(NamedTuple):
    """A layer's second moments over a region, (C, C), and what F Fᵀ was divided by."""

    matrix: Tensor
    divisor: float


class MomentSums:
    """Second moments of an image added up part by part, for each layer and mask."""

    def __init__(
        self,
        layers: Mapping[str, float],
        image: Tensor,
        masks: Sequence[Mask],
        normalization: str,
    ) -> None:
        self.masks = masks
        self.sums: dict[str, list[Tensor]] = {name: [] for name in layers}
        self.divisors: dict[str, list[float]] = {name: [] for name in layers}
        for name in layers:
            count = channels(name)
            rows, columns = positions(name, (image.shape[-2], image.shape[-1]))
            for mask in masks:
                weights = mask[name]
                n = rows * columns if weights is None else max(float(weights.sum()), 1e-3)
                dtype = losses.moments_dtype(count, round(n), image.device)
                dtype = torch.promote_types(dtype, image.dtype)
                self.sums[name].append(torch.zeros(count, count, dtype=dtype, device=image.device))
                self.divisors[name].append(losses.moments_divisor(count, n, normalization))

    def look(self, part: Part, features: Tensor) -> None:
        """Add a part's."""
        for mask, total in zip(self.masks, self.sums[part.layer], strict=True):
            weights = mask[part.layer]
            total += losses.moments(
                features, total.dtype, None if weights is None else part.of(weights)
            )

    def of_all(self, workers: Workers) -> dict[str, list[Moments]]:
        """Over all workers' parts."""
        workers.add(*(total for totals in self.sums.values() for total in totals))
        return {
            name: [Moments(t / d, d) for t, d in zip(totals, self.divisors[name], strict=True)]
            for name, totals in self.sums.items()
        }


Distance: TypeAlias = Callable[[Tensor, Tensor], losses.Loss]
"""Of second moments (C, C) to a target, with the derivative at the moments."""


class StyleLoss(NamedTuple):
    """A distance of second moments, and what it wants to know of the style's."""

    distance: Distance
    target: Callable[[Tensor], Tensor]  # from the style's own moments


STYLE_LOSSES: dict[str, StyleLoss] = {
    "gram": StyleLoss(lambda moment, target: losses.gram(moment, target), lambda moment: moment),
    "wasserstein": StyleLoss(
        lambda moment, root: losses.wasserstein(moment, root), losses.moments_root
    ),
}
"""By the name that `style_loss` has in a config. They are looked up when they are used."""


class StyleTerm:
    """How far the layers' second moments are from the styles' in each region, blended.

    Args:
        layers: with weights.
        regions: with their shares of the styles at each of the layers.
        targets: of each style by layer, as the loss's `target` gives them.
        loss: distance and target.
        normalization: of the moments (`losses.moments_divisor`).
    """

    def __init__(
        self,
        layers: Mapping[str, float],
        regions: Sequence[Region],
        targets: Sequence[Mapping[str, Tensor]],
        loss: StyleLoss,
        normalization: str,
    ) -> None:
        self.layers, self.regions, self.targets = layers, regions, targets
        self.loss, self.normalization = loss, normalization
        self.masks = [region.mask(layers) for region in regions]
        self.found: Terms = {}
        self.derivatives: dict[str, list[Tensor]] = {}  # at each region's F Fᵀ

    def begin(self, image: Tensor) -> None:
        """No moments so far."""
        self.sums = MomentSums(self.layers, image, self.masks, self.normalization)

    def look(self, part: Part, features: Tensor) -> None:
        """Add the part's moments."""
        self.sums.look(part, features)

    def settle(self, workers: Workers) -> None:
        """Take the losses of the moments, once for all parts."""
        for name, of_regions in self.sums.of_all(workers).items():
            weight = self.layers[name]
            found = [
                self._blended(name, region, moments.matrix)
                for region, moments in zip(self.regions, of_regions, strict=True)
            ]
            self.found[name] = weight * torch.stack([loss.value for loss in found]).sum()
            self.derivatives[name] = [
                loss.gradient * (weight / moments.divisor)
                for loss, moments in zip(found, of_regions, strict=True)
            ]

    def push(self, part: Part, features: Tensor) -> Tensor:
        """The part's share of the gradient."""
        shares = []
        for mask, derivative in zip(self.masks, self.derivatives[part.layer], strict=True):
            weights = mask[part.layer]
            shares.append(
                losses.through_moments(
                    features, derivative, None if weights is None else part.of(weights)
                )
            )
        return sum(shares[1:], shares[0])

    def values(self, workers: Workers) -> Terms:
        """The distances; they are of all workers' moments already."""
        return {f"style {name}": value for name, value in self.found.items()}

    def _blended(self, layer: str, region: Region, moment: Tensor) -> losses.Loss:
        value, gradient = torch.zeros_like(moment[0, 0]), torch.zeros_like(moment)
        for number, share in region.shares[layer].items():
            if share:
                loss = self.loss.distance(moment, self.targets[number][layer])
                value, gradient = value + share * loss.value, gradient + share * loss.gradient
        return losses.Loss(value, gradient)


def style_targets(
    walk: Walk,
    layers: Mapping[str, float],
    style: Tensor,
    mask: Tensor | None,
    loss: StyleLoss,
    normalization: str,
) -> dict[str, Tensor]:
    """What `loss` wants at each of `layers`, from a style image (1, 3, height, width).

    `mask` (1, 1, height, width) says what part of it counts; `walk` is over images of its size.
    """
    sums = MomentSums(layers, style, [mask_at(mask, layers)], normalization)
    walk.forward(style, sums.look)
    return {
        name: loss.target(moments.matrix) for name, (moments,) in sums.of_all(walk.workers).items()
    }


def _focus_at(
    layer: str, focus: Tensor | None, image: Tensor, size: tuple[int, int]
) -> Tensor | None:
    """`focus` by the positions that `layer` has of an image of `size`, 1 on average."""
    if focus is None:
        return None
    by_position = F.interpolate(
        focus.to(image), positions(layer, size), mode="bilinear", align_corners=False
    )
    return by_position / by_position.mean()
