"""What is minimised: `objective(image) -> (terms, gradient)`."""

from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.painting.config import StyleConfig
from velatura.painting.tiles import Tile, split
from velatura.painting.workers import Workers
from velatura.perception import losses
from velatura.perception.layers import LAYERS, channels, geometry
from velatura.perception.vgg import VGG19

Terms: TypeAlias = dict[str, Tensor]
"""Weighted losses by name, as `style relu3_1`; their sum is the loss. Tensors of shape ()."""

Features: TypeAlias = dict[str, Tensor]

Mask: TypeAlias = dict[str, Tensor | None]
"""Per layer how much its positions count, (1, 1, H, W) in [0, 1]; None where all count fully."""


class Region(NamedTuple):
    """A part of the picture, and what its statistics are to be like."""

    mask: Mask
    shares: dict[str, dict[int, float]]  # of the loss, by layer and number of the style


class Moments(NamedTuple):
    """A layer's second moments over a region, (C, C), and what F Fᵀ was divided by."""

    matrix: Tensor
    divisor: float


FORWARD = 2  # times the pixels that fit where the gradient is wanted fit where it is not


class Objective:
    """Content, style and total variation of an image, seen whole or tile by tile.

    Tiles cost one more forward pass and their overlaps; loss and gradient are the same. With
    several workers each sees its own tiles, and all of them call with the same images.

    Args:
        network: sees at least the layers that `config` names.
        content: the photograph (1, 3, height, width), as large as the images to come.
        styles: the paintings, each (1, 3, any height, any width).
        config: layers, weights and kinds of loss.
        tile_pixels: the most pixels that the network may see at once; None for no limit.
        workers: the processes that share the tiles.
        masks: where in the picture each style goes, (1, 1, height, width) in [0, 1] for every
            style; everywhere, blended, if there is none.
        style_masks: what part of each painting is looked at, likewise.

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
    ) -> None:
        self.network, self.config = network, config
        self.workers = workers or Workers()
        self.content_layers = _weighted(config.content_layers, config.effective_content_weight)
        self.style_layers = _weighted(config.style_layers, config.style_weight)
        self.layers = [*{**self.content_layers, **self.style_layers}]
        self.regions = self._regions(masks, len(styles))
        self.normalization = config.gram_norm if config.style_loss == "gram" else "positions"
        self.tile_pixels = tile_pixels
        self.tiles = self._split(content, tile_pixels)
        self.own_tiles = self._own(self.tiles)
        with torch.no_grad():
            self.content_targets = [
                {
                    name: _owned(features, name, tile).clone()
                    for name, features in self._see(content, tile, self.content_layers).items()
                }
                for tile in self.own_tiles
            ]
            self.style_targets = [
                self._style_targets(style, mask) for style, mask in zip_longest(styles, style_masks)
            ]
        self.content_divisors = {name: self._content_divisor(name) for name in self.content_layers}

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Terms at `image` (1, 3, height, width), and the gradient of their sum there."""
        # Copies of the image on several machines would drift apart by rounding.
        image = self.workers.agree(image.detach())
        # What a worker's only tile sees is kept for the gradient; more of them are looked at twice.
        once = len(self.tiles) <= self.workers.count
        kept = self._watch(image, self.own_tiles[0]) if once and self.own_tiles else None
        terms = {f"content {name}": image.new_zeros(()) for name in self.content_layers}
        derivatives: dict[str, list[Tensor]] = {}  # of the loss by each region's F Fᵀ
        with torch.no_grad():
            masks = [region.mask for region in self.regions]
            moments = self._moments(image, masks, self.own_tiles if once else None, kept)
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
        gradient = torch.zeros_like(image)
        for tile, targets in zip(self.own_tiles, self.content_targets, strict=True):
            window, features = kept or self._watch(image, tile)
            with torch.no_grad():
                shares = self._shares(tile, features, targets, derivatives, terms)
            (share,) = torch.autograd.grad(
                [features[name] for name in shares], window, list(shares.values())
            )
            gradient[..., tile.rows.window, tile.columns.window] += share
        self.workers.add(gradient, *(terms[f"content {name}"] for name in self.content_layers))
        if self.config.tv_weight:
            loss = losses.total_variation(image)
            terms["tv"] = self.config.tv_weight * loss.value
            gradient += self.config.tv_weight * loss.gradient
        return terms, gradient

    def _shares(
        self,
        tile: Tile,
        features: Features,
        targets: Features,
        derivatives: dict[str, list[Tensor]],
        terms: Terms,
    ) -> Features:
        """The loss's gradient at the features in `tile`, zero at positions that it does not own.

        Adds the tile's content errors to `terms`.
        """
        shares = {}
        for name in self.layers:
            owned = _owned(features[name], name, tile)
            parts = []
            if weight := self.content_layers.get(name):
                loss = losses.content(owned, targets[name], self.content_divisors[name])
                terms[f"content {name}"] += weight * loss.value
                parts.append(weight * loss.gradient)
            for region, derivative in zip(self.regions, derivatives.get(name, []), strict=False):
                weights = _at_tile(region.mask[name], name, tile)
                parts.append(losses.through_moments(owned, derivative, weights))
            share = sum(parts[1:], parts[0]).to(owned.dtype)
            if share.shape != features[name].shape:
                owned_share, share = share, torch.zeros_like(features[name])
                _owned(share, name, tile).copy_(owned_share)
            shares[name] = share
        return shares

    def _moments(
        self,
        image: Tensor,
        masks: Sequence[Mask],
        tiles: Sequence[Tile] | None = None,
        kept: tuple[Tensor, Features] | None = None,
    ) -> dict[str, list[Moments]]:
        """Per style layer and mask the moments over all workers' tiles."""
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
        if tiles is None:
            limit = self.tile_pixels and FORWARD * self.tile_pixels
            tiles = self._own(self._split(image, limit))
        for tile in tiles:
            seen = kept[1] if kept else self._see(image, tile, self.style_layers)
            for name, totals in sums.items():
                owned = _owned(seen[name], name, tile)
                for mask, total in zip(masks, totals, strict=True):
                    total += losses.moments(owned, total.dtype, _at_tile(mask[name], name, tile))
        self.workers.add(*(total for totals in sums.values() for total in totals))
        return {
            name: [Moments(t / d, d) for t, d in zip(sums[name], divisors[name], strict=True)]
            for name in sums
        }

    def _regions(self, masks: Sequence[Tensor], styles: int) -> list[Region]:
        """One region for each style's mask, its share its area's; without masks one for all."""
        blends = {name: self.config.blend_weights(styles, name) for name in self.style_layers}
        if not masks:
            shares = {name: dict(enumerate(blend)) for name, blend in blends.items()}
            return [Region(self._mask(None), shares)] if styles else []
        return [
            Region(
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

    def _watch(self, image: Tensor, tile: Tile) -> tuple[Tensor, Features]:
        """A tile's window and all features in it, ready for the gradient."""
        window = image[..., tile.rows.window, tile.columns.window].clone().requires_grad_()
        with torch.enable_grad():
            return window, self.network(window, self.layers)

    def _see(self, image: Tensor, tile: Tile, layers: Collection[str]) -> Features:
        """All features in a tile's window."""
        window = image[..., tile.rows.window, tile.columns.window]
        return self.network(window, list(layers)) if layers else {}

    def _split(self, image: Tensor, pixels: int | None) -> list[Tile]:
        size = (image.shape[-2], image.shape[-1])
        deepest = max(self.layers, key=LAYERS.index)
        return split(size, geometry(deepest), pixels, self.workers.count)

    def _content_divisor(self, layer: str) -> float:
        """What squared errors at `layer`, summed over all workers' tiles, are divided by."""
        if self.config.content_loss == "sum":
            return 2.0
        targets = [targets[layer] for targets in self.content_targets]
        if self.config.content_loss == "relative":
            sizes = [float(losses.square_sum(target)) for target in targets]
        else:
            sizes = [target.numel() for target in targets]
        size = torch.tensor(sum(sizes), dtype=torch.float64)
        self.workers.add(size)
        return float(size)

    def _style_targets(self, style: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
        """Per layer the painting's Gram matrix, or a root of its second moments."""
        moments = self._moments(style, [self._mask(mask)])
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


def _at_tile(weights: Tensor | None, layer: str, tile: Tile) -> Tensor | None:
    """The part of a mask at `layer` that belongs to the positions that a tile owns."""
    if weights is None:
        return None
    stride = geometry(layer).stride
    return weights[..., tile.rows.positions(stride), tile.columns.positions(stride)]


def _owned(features: Tensor, layer: str, tile: Tile) -> Tensor:
    """The positions of a layer (1, C, H, W) in a tile's window that the tile owns, as a view."""
    stride = geometry(layer).stride
    return features[..., tile.rows.owned(stride), tile.columns.owned(stride)]


def _weighted(layers: dict[str, float], weight: float) -> dict[str, float]:
    """Layers whose share of the loss is not zero, with that share."""
    return {name: weight * share for name, share in layers.items() if weight * share}
