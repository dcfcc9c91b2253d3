"""What is minimised: `objective(image) -> (terms, gradient)`."""

from collections.abc import Callable, Collection, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.painting.config import StyleConfig
from velatura.painting.stages import Stage, plan
from velatura.painting.tiles import Tile
from velatura.painting.workers import Workers
from velatura.perception import losses
from velatura.perception.layers import channels, geometry
from velatura.perception.palette import distance, palette
from velatura.perception.vgg import VGG19

Terms: TypeAlias = dict[str, Tensor]
"""Weighted losses by name, as `style relu3_1`; their sum is the loss. Tensors of shape ()."""

Features: TypeAlias = dict[str, Tensor]

COLORS = "style colors"  # the name of their term

Mask: TypeAlias = dict[str, Tensor | None]
"""Per layer how much its positions count, (1, 1, H, W) in [0, 1]; None where all count fully."""


class Region(NamedTuple):
    """A part of the picture, and what its statistics are to be like."""

    place: Tensor | None  # (1, 1, height, width), how much its pixels count; None for all fully
    mask: Mask
    shares: dict[str, dict[int, float]]  # of the loss, by layer and number of the style


class Moments(NamedTuple):
    """A layer's second moments over a region, (C, C), and what F Fᵀ was divided by."""

    matrix: Tensor
    divisor: float


class Target(NamedTuple):
    """The photograph's features at the positions that a tile owns."""

    features: Tensor
    focus: Tensor | None  # how much each position counts; None where all count alike


class Sight(NamedTuple):
    """What is kept of an image for the gradient."""

    inputs: list[Tensor]  # of each stage
    watched: dict[str | None, tuple[Tensor, Features]]  # by a stage's start: window and features


Look: TypeAlias = Callable[[Stage, Tile, Features], None]


class Objective:
    """Content, style, colours and total variation of an image, seen whole or tile by tile.

    The network is seen stage by stage. A stage in tiles costs one more forward pass and their
    overlaps; loss and gradient are the same. With several workers each sees its own tiles, and
    all of them call with the same images.

    Args:
        network: sees at least the layers that `config` names.
        content: the photograph (1, 3, height, width), as large as the images to come.
        styles: the paintings, each (1, 3, any height, any width).
        config: layers, weights and kinds of loss.
        tile_pixels: the most pixels that the network's first stage may see at once, the later
            ones more (`velatura.painting.stages`); None for no limit.
        workers: the processes that share the tiles.
        masks: where in the picture each style goes, (1, 1, height, width) in [0, 1] for every
            style; everywhere, blended, if there is none.
        style_masks: what part of each painting is looked at, likewise.
        focus: how much the content counts in each place of the picture, (1, 1, any height, any
            width); alike if it is not given.

    Raises:
        WorkerError: also from calls, when another process has ended.
    """

    def __init__(
        self,
        network: VGG19,
        content: Tensor,
        styles: Sequence[Tensor],
        config: StyleConfig,
        tile_pixels: int | None = None,
        workers: Workers | None = None,
        masks: Sequence[Tensor] = (),
        style_masks: Sequence[Tensor] = (),
        focus: Tensor | None = None,
    ) -> None:
        self.network, self.config = network, config
        self.workers = workers or Workers()
        self.content_layers = _weighted(config.content_layers, config.effective_content_weight)
        self.style_layers = _weighted(config.style_layers, config.style_weight)
        self.color_weight = config.style_weight * config.color_weight
        self.regions = self._regions(masks, len(styles))
        self.normalization = config.gram_norm if config.style_loss == "gram" else "positions"
        self.tile_pixels = tile_pixels
        self.stages = self._plan(content, {**self.content_layers, **self.style_layers})
        with torch.no_grad():
            self.content_targets = self._content_targets(content, focus)
            self.style_targets = [
                self._style_targets(style, mask) for style, mask in zip_longest(styles, style_masks)
            ]
            self.palettes = [
                palette(style, mask) for style, mask in zip_longest(styles, style_masks)
            ]
        self.content_divisors = {name: self._content_divisor(name) for name in self.content_layers}

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Terms at `image` (1, 3, height, width), and the gradient of their sum there."""
        # Copies of the image on several machines would drift apart by rounding.
        image = self.workers.agree(image.detach())
        terms = {f"content {name}": image.new_zeros(()) for name in self.content_layers}
        derivatives: dict[str, list[Tensor]] = {}  # of the loss by each region's F Fᵀ
        with torch.no_grad():
            masks = [region.mask for region in self.regions]
            moments, sight = self._moments(image, self.stages, masks, watch=True)
            for name, of_regions in moments.items():
                weight = self.style_layers[name]
                found = [
                    self._style_loss(name, *both)
                    for both in zip(self.regions, of_regions, strict=True)
                ]
                terms[f"style {name}"] = weight * torch.stack([loss.value for loss in found]).sum()
                derivatives[name] = [
                    loss.gradient * (weight / moment.divisor)
                    for loss, moment in zip(found, of_regions, strict=True)
                ]
            gradient = self._gradient(sight, derivatives, terms)
        self.workers.add(*(terms[f"content {name}"] for name in self.content_layers))
        for region in self.regions if self.color_weight else ():
            for number, share in region.shares[COLORS].items():
                loss = distance(image, self.palettes[number], region.place)
                value, push = (self.color_weight * share * part for part in loss)
                terms[COLORS] = terms.get(COLORS, 0) + value
                gradient += push
        if self.config.tv_weight:
            loss = losses.total_variation(image)
            terms["tv"] = self.config.tv_weight * loss.value
            gradient += self.config.tv_weight * loss.gradient
        return terms, gradient

    @property
    def tiles(self) -> int:
        """In how many tiles the first stage is seen, by all workers together."""
        return len(self.stages[0].tiles)

    def _visit(
        self, image: Tensor, stages: Sequence[Stage], look: Look, watch: bool = False
    ) -> Sight:
        """Show `look` all features of `image` at the stages' layers, tile by tile.

        With `watch`, a stage that is one tile of this worker's is kept ready for the gradient; of
        several tiles only what enters the stage is kept, and they are seen once more.
        """
        sight = Sight([], {})
        for stage in stages:
            sight.inputs.append(image)
            whole = len(stage.tiles) == 1 == self.workers.count
            onward = None if whole or not stage.end else self._empty_pool(stage, image)
            for tile in self._own(stage.tiles):
                if watch and len(stage.tiles) <= self.workers.count:
                    sight.watched[stage.start] = self._watch(image, stage, tile)
                    features = sight.watched[stage.start][1]
                else:
                    features = self._see(image[tile.window], stage)
                look(stage, tile, features)
                if stage.end and onward is None:
                    onward = features[stage.end].detach()
                elif stage.end and onward is not None:
                    stride = stage.stride(stage.end)
                    onward[tile.positions(stride)] = features[stage.end][tile.owned(stride)]
            if onward is not None:
                if not whole:
                    self.workers.add(onward)
                image = onward
        return sight

    def _gradient(self, sight: Sight, derivatives: dict[str, list[Tensor]], terms: Terms) -> Tensor:
        """The gradient at the image, from the last stage back to the first.

        Adds the content errors to `terms`.
        """
        gradient = torch.empty(0)  # at what the stage ends with
        for stage in reversed(self.stages):
            entered = sight.inputs.pop()
            before = torch.zeros_like(entered)
            for tile in self._own(stage.tiles):
                watched = sight.watched.pop(stage.start, None)
                window, features = watched or self._watch(entered, stage, tile)
                shares = self._shares(stage, tile, features, derivatives, terms)
                if stage.end:
                    stride = stage.stride(stage.end)
                    shares.setdefault(stage.end, torch.zeros_like(features[stage.end]))
                    shares[stage.end][tile.owned(stride)] += gradient[tile.positions(stride)]
                names = [*shares]
                (share,) = torch.autograd.grad(
                    [features[name] for name in names], window, [shares[name] for name in names]
                )
                before[tile.window] += share
            self.workers.add(before)
            gradient = before
        return gradient

    def _shares(
        self,
        stage: Stage,
        tile: Tile,
        features: Features,
        derivatives: dict[str, list[Tensor]],
        terms: Terms,
    ) -> Features:
        """The loss's gradient at the features in `tile`, zero at positions that it does not own.

        Adds its content errors to `terms`.
        """
        shares = {}
        for name in stage.layers:
            stride = stage.stride(name)
            owned = features[name][tile.owned(stride)]
            parts = []
            if weight := self.content_layers.get(name):
                target = self.content_targets[name][tile]
                divisor = self.content_divisors[name]
                loss = losses.content(owned, target.features, divisor, target.focus)
                terms[f"content {name}"] += weight * loss.value
                parts.append(weight * loss.gradient)
            for region, derivative in zip(self.regions, derivatives.get(name, []), strict=False):
                weights = _at(region.mask[name], tile, stride)
                parts.append(losses.through_moments(owned, derivative, weights))
            share = sum(parts[1:], parts[0]).to(owned.dtype)
            if share.shape != features[name].shape:
                owned_share, share = share, torch.zeros_like(features[name])
                share[tile.owned(stride)] = owned_share
            shares[name] = share
        return shares

    def _moments(
        self, image: Tensor, stages: Sequence[Stage], masks: Sequence[Mask], watch: bool = False
    ) -> tuple[dict[str, list[Moments]], Sight]:
        """Per style layer and mask the moments over all workers' tiles, and what was seen."""
        sums: dict[str, list[Tensor]] = {}
        divisors: dict[str, list[float]] = {}
        for name in self.style_layers:
            stride, count = geometry(name).stride, channels(name)
            everywhere = (image.shape[-2] // stride) * (image.shape[-1] // stride)
            sums[name], divisors[name] = [], []
            for mask in masks:
                weights = mask[name]
                positions = everywhere if weights is None else max(float(weights.sum()), 1e-3)
                dtype = losses.moments_dtype(count, round(positions), image.device)
                dtype = torch.promote_types(dtype, image.dtype)
                sums[name].append(torch.zeros(count, count, dtype=dtype, device=image.device))
                divisors[name].append(losses.moments_divisor(count, positions, self.normalization))

        def add_up(stage: Stage, tile: Tile, features: Features) -> None:
            for name in stage.layers:
                stride = stage.stride(name)
                owned = features[name].detach()[tile.owned(stride)]
                for mask, total in zip(masks, sums.get(name, []), strict=False):
                    total += losses.moments(owned, total.dtype, _at(mask[name], tile, stride))

        sight = self._visit(image, stages, add_up, watch)
        self.workers.add(*(total for totals in sums.values() for total in totals))
        moments = {
            name: [Moments(t / d, d) for t, d in zip(sums[name], divisors[name], strict=True)]
            for name in sums
        }
        return moments, sight

    def _content_targets(
        self, content: Tensor, focus: Tensor | None
    ) -> dict[str, dict[Tile, Target]]:
        """Per content layer the photograph's features, by the tile that owns them.

        It is seen in the same tiles as the pictures, up to the last stage that holds content.
        """
        targets: dict[str, dict[Tile, Target]] = {name: {} for name in self.content_layers}
        counts = {name: _focus_at(name, focus, content) for name in targets}

        def keep(stage: Stage, tile: Tile, features: Features) -> None:
            for name in stage.layers:
                stride = stage.stride(name)
                owned = features[name][tile.owned(stride)].clone()
                targets[name][tile] = Target(owned, _at(counts[name], tile, stride))

        stages = [
            stage._replace(layers=tuple(name for name in stage.layers if name in targets))
            for stage in self.stages
        ]
        while stages and not stages[-1].layers:
            stages.pop()
        self._visit(content, stages, keep)
        return targets

    def _regions(self, masks: Sequence[Tensor], styles: int) -> list[Region]:
        """One region for each style's mask, its share its area's; without masks one for all."""
        names = [*self.style_layers, COLORS]
        blends = {name: self.config.blend_weights(styles, name) for name in names}
        if not masks:
            shares = {name: dict(enumerate(blend)) for name, blend in blends.items()}
            return [Region(None, self._mask(None), shares)] if styles else []
        return [
            Region(
                mask,
                self._mask(mask),
                {
                    name: {number: styles * blend[number] * float(mask.mean())}
                    for name, blend in blends.items()
                },
            )
            for number, mask in enumerate(masks)
        ]

    def _mask(self, mask: Tensor | None) -> Mask:
        """The mean over the pixels that each position stands for."""
        return {
            name: None if mask is None else F.avg_pool2d(mask, geometry(name).stride)
            for name in self.style_layers
        }

    def _own(self, tiles: list[Tile]) -> list[Tile]:
        """Those tiles that this process sees."""
        return tiles[self.workers.rank :: self.workers.count]

    def _plan(self, image: Tensor, layers: Collection[str]) -> list[Stage]:
        size = (image.shape[-2], image.shape[-1])
        return plan(size, layers, self.tile_pixels, self.workers.count) if layers else []

    def _watch(self, entered: Tensor, stage: Stage, tile: Tile) -> tuple[Tensor, Features]:
        """A tile's window and all features in it, ready for the gradient."""
        window = entered[tile.window].detach().clone().requires_grad_()
        with torch.enable_grad():
            return window, self._see(window, stage)

    def _see(self, window: Tensor, stage: Stage) -> Features:
        """All features in a window that are asked for, and those that the stage ends with."""
        wanted = [*stage.layers, stage.end] if stage.end else [*stage.layers]
        return self.network(window, wanted, stage.start)

    def _empty_pool(self, stage: Stage, entered: Tensor) -> Tensor:
        """Zeros in the shape of what `stage` ends with."""
        end = stage.end or ""
        height, width = (side // stage.stride(end) for side in entered.shape[-2:])
        return torch.zeros(
            (1, channels(end), height, width),
            dtype=self.network.dtype,
            device=entered.device,
        ).to(memory_format=torch.channels_last)

    def _content_divisor(self, layer: str) -> float:
        """What squared errors at `layer`, summed over all workers' tiles, are divided by."""
        if self.config.content_loss == "sum":
            return 2.0
        targets = self.content_targets[layer].values()
        if self.config.content_loss == "relative":
            sizes = [float(losses.square_sum(*target)) for target in targets]
        else:
            sizes = [target.features.numel() for target in targets]
        size = torch.tensor(sum(sizes), dtype=torch.float64)
        self.workers.add(size)
        return float(size)

    def _style_targets(self, style: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
        """Per layer the painting's Gram matrix, or a root of its second moments."""
        stages = self._plan(style, self.style_layers)
        moments, _ = self._moments(style, stages, [self._mask(mask)])
        if self.config.style_loss == "gram":
            return {name: moment.matrix for name, (moment,) in moments.items()}
        return {name: losses.moments_root(moment.matrix) for name, (moment,) in moments.items()}

    def _style_loss(self, layer: str, region: Region, moments: Moments) -> losses.Loss:
        """Distance of a region's moments to its styles' targets at `layer`, blended."""
        distance = losses.gram if self.config.style_loss == "gram" else losses.wasserstein
        moment = moments.matrix
        value, gradient = torch.zeros_like(moment[0, 0]), torch.zeros_like(moment)
        for number, share in region.shares[layer].items():
            if share:
                loss = distance(moment, self.style_targets[number][layer])
                value, gradient = value + share * loss.value, gradient + share * loss.gradient
        return losses.Loss(value, gradient)


def _focus_at(layer: str, focus: Tensor | None, image: Tensor) -> Tensor | None:
    """`focus` by the positions that `layer` has of `image`, 1 on average."""
    if focus is None:
        return None
    stride = geometry(layer).stride
    size = (image.shape[-2] // stride, image.shape[-1] // stride)
    by_position = F.interpolate(focus.to(image), size, mode="bilinear", align_corners=False)
    return by_position / by_position.mean()


def _at(weights: Tensor | None, tile: Tile, stride: int) -> Tensor | None:
    """The part of a layer's mask that belongs to the positions that a tile owns."""
    return None if weights is None else weights[tile.positions(stride)]


def _weighted(layers: dict[str, float], weight: float) -> dict[str, float]:
    """Layers whose share of the loss is not zero, with that share."""
    return {name: weight * share for name, share in layers.items() if weight * share}
