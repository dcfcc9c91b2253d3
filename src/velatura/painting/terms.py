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

    def forward(self, part: Part, features: Tensor) -> None:
        """On the way forward: features (1, C, h, w) of a part of one of the layers."""

    def settle(self, workers: Workers) -> None:
        """All parts were shown, to all workers together."""

    def backward(self, part: Part, features: Tensor) -> Tensor:
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

    def forward(self, part: Part, features: Tensor) -> None:
        """Nothing is to be known beforehand."""

    def settle(self, workers: Workers) -> None:
        """Nothing was to be known."""

    def error(
        self, part: Part, features: Tensor, target: Tensor, weights: Tensor | None, share: float = 1
    ) -> Tensor:
        """The gradient of one part's error, which is added to the layer's; times `share`."""
        divisor = self.divisors[part.layer] / (share * self.layers[part.layer])
        if features.numel() <= AT_ONCE:
            loss = losses.content(features, target, divisor, weights)
            self.errors[part.layer] += loss.value
            return loss.gradient
        gradient = torch.empty_like(features)
        rows = max(1, AT_ONCE * features.shape[2] // features.numel())
        for start in range(0, features.shape[2], rows):
            some = (slice(None), slice(None), slice(start, start + rows))
            counts = None if weights is None else weights[some]
            loss = losses.content(features[some], target[some], divisor, counts)
            self.errors[part.layer] += loss.value
            gradient[some] = loss.gradient
        return gradient

    def values(self, workers: Workers) -> Terms:
        """The errors, summed over all workers' parts."""
        workers.all_reduce(*self.errors.values())
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

    def backward(self, part: Part, features: Tensor) -> Tensor:
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
        workers.all_reduce(size)
        return float(size)


class Moments(NamedTuple):
    """A layer's second moments over a region, (C, C), and what F Fᵀ was divided by."""

    matrix: Tensor
    divisor: float


class MomentSums:
    """Second moments of images of one size added up part by part, for each layer and mask.

    With `keep_few`, of layers that have fewer positions than channels the features themselves are
    kept: they are smaller, and tell as much.
    """

    def __init__(
        self,
        layers: Mapping[str, float],
        image: Tensor,
        masks: Sequence[Mask],
        normalization: str,
        keep_few: bool = False,
    ) -> None:
        self.masks, self.like = masks, image.new_empty(())
        self.sums: dict[str, list[Tensor]] = {}
        self.features: dict[str, Tensor] = {}  # (1, C, rows, columns), of few positions
        self.divisors: dict[str, list[float]] = {}
        self.sizes = {name: positions(name, (image.shape[-2], image.shape[-1])) for name in layers}
        self.dtypes: dict[str, list[torch.dtype]] = {}
        for name, (rows, columns) in self.sizes.items():
            weights = [mask[name] for mask in masks]
            # Read here and not in a step, which would wait for it.
            counts = [rows * columns if w is None else max(float(w.sum()), 1e-3) for w in weights]
            self.divisors[name] = [
                losses.moments_divisor(channels(name), n, normalization) for n in counts
            ]
            self.dtypes[name] = [
                torch.promote_types(
                    losses.moments_dtype(channels(name), round(n), image.device), image.dtype
                )
                for n in counts
            ]
        self.few = {
            name
            for name, (rows, columns) in self.sizes.items()
            if keep_few and rows * columns < channels(name)
        }
        self.begin()

    def begin(self) -> None:
        """Nothing added so far."""
        for name, size in self.sizes.items():
            count = channels(name)
            if name in self.few:
                self.features[name] = self.like.new_zeros(1, count, *size)
            else:
                self.sums[name] = [
                    self.like.new_zeros(count, count, dtype=dtype) for dtype in self.dtypes[name]
                ]

    def forward(self, part: Part, features: Tensor) -> None:
        """Add a part's."""
        if part.layer in self.few:
            part.of(self.features[part.layer]).copy_(features)
            return
        for mask, total in zip(self.masks, self.sums[part.layer], strict=True):
            weights = mask[part.layer]
            total += losses.moments(
                features, total.dtype, None if weights is None else part.of(weights)
            )

    def gather(self, workers: Workers) -> None:
        """Add what the other workers' parts gave."""
        workers.all_reduce(*(total for totals in self.sums.values() for total in totals))
        workers.all_reduce(*self.features.values())

    def of(self, layer: str) -> list[Moments]:
        """A layer's moments in each mask's region, once they are gathered."""
        return [
            Moments(total / divisor, divisor)
            for total, divisor in zip(self.sums[layer], self.divisors[layer], strict=True)
        ]


Distance: TypeAlias = Callable[[Tensor, Tensor], losses.Loss]
"""Of second moments (C, C) to a target, with the derivative at the moments."""


class StyleLoss(NamedTuple):
    """A distance of second moments, and what it wants to know of the style's."""

    distance: Distance
    target: Callable[[Tensor], Tensor]  # from the style's own moments
    of_few: Callable[[Tensor, Tensor, float], losses.Loss] | None = None
    """The same of features (C, N) to a target, with their divisor and the derivative at them."""


STYLE_LOSSES: dict[str, StyleLoss] = {
    "gram": StyleLoss(lambda moment, target: losses.gram(moment, target), lambda moment: moment),
    "wasserstein": StyleLoss(
        lambda moment, root: losses.wasserstein(moment, root),
        losses.moments_root,
        lambda few, root, divisor: losses.wasserstein_of_few(few, root, divisor),
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
        self.sums: MomentSums | None = None
        self.derivatives: dict[str, list[Tensor]] = {}  # at each region's F Fᵀ
        self.gradients: dict[str, Tensor] = {}  # at the features of few positions

    def begin(self, image: Tensor) -> None:
        """No moments so far; all images are of one size."""
        if self.sums is None:
            keep_few = self.loss.of_few is not None
            self.sums = MomentSums(self.layers, image, self.masks, self.normalization, keep_few)
        else:
            self.sums.begin()

    def forward(self, part: Part, features: Tensor) -> None:
        """Add the part's moments."""
        if self.sums:
            self.sums.forward(part, features)

    def settle(self, workers: Workers) -> None:
        """Take the losses of the moments, once for all parts."""
        if self.sums is None:
            return
        self.sums.gather(workers)
        for name, weight in self.layers.items():
            if name in self.sums.few:
                self._settle_few(name, self.sums)
                continue
            of_regions = self.sums.of(name)
            found = [
                self._blended(name, region, moments.matrix)
                for region, moments in zip(self.regions, of_regions, strict=True)
            ]
            self.found[name] = weight * torch.stack([loss.value for loss in found]).sum()
            self.derivatives[name] = [
                loss.gradient * (weight / moments.divisor)
                for loss, moments in zip(found, of_regions, strict=True)
            ]

    def backward(self, part: Part, features: Tensor) -> Tensor:
        """The part's share of the gradient."""
        if part.layer in self.gradients:
            return part.of(self.gradients[part.layer]).to(features.dtype)
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

    def _settle_few(self, layer: str, sums: MomentSums) -> None:
        """Loss and gradient of a layer whose features are kept, each counting the root of its mask.

        Their moments are then the region's, F diag(w) Fᵀ.
        """
        features, weight = sums.features[layer], self.layers[layer]
        value, gradient = features.new_zeros(()), torch.zeros_like(features)
        for region, mask, divisor in zip(
            self.regions, self.masks, sums.divisors[layer], strict=True
        ):
            weights = mask[layer]
            root = None if weights is None else weights.sqrt()
            seen = features if root is None else features * root
            for number, share in region.shares[layer].items():
                if share and self.loss.of_few:
                    target = self.targets[number][layer]
                    loss = self.loss.of_few(seen[0].flatten(1), target, divisor)
                    value += weight * share * loss.value
                    share_gradient = (weight * share * loss.gradient).view_as(features).to(features)
                    gradient += share_gradient if root is None else share_gradient * root
        self.found[layer], self.gradients[layer] = value, gradient

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
    walk.forward(style, sums.forward)
    sums.gather(walk.workers)
    return {name: loss.target(sums.of(name)[0].matrix) for name in layers}


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
