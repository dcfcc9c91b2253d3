"""What is minimised: `objective(image) -> (terms, gradient)`."""

from collections.abc import Collection, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from velatura.painting.config import StyleConfig
from velatura.painting.tiles import Tile, split
from velatura.painting.workers import Workers
from velatura.perception import losses
from velatura.perception.layers import LAYERS, channels, geometry
from velatura.perception.vgg import VGG19

Terms: TypeAlias = dict[str, Tensor]
"""Weighted losses by name, as `style relu3_1`; their sum is the loss. Tensors of shape ()."""

Features: TypeAlias = dict[str, Tensor]


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
    ) -> None:
        self.network, self.config = network, config
        self.workers = workers or Workers()
        self.content_layers = _weighted(config.content_layers, config.content_weight)
        self.style_layers = _weighted(config.style_layers, config.style_weight)
        self.layers = [*{**self.content_layers, **self.style_layers}]
        self.blend = config.blend_weights(len(styles)) if styles else ()
        self.normalization = config.gram_norm if config.style_loss == "gram" else "positions"
        self.tile_pixels = tile_pixels
        self.tiles = self._split(content)
        self.own_tiles = self._own(self.tiles)
        with torch.no_grad():
            self.content_targets = [
                self._see(content, tile, self.content_layers) for tile in self.own_tiles
            ]
            self.style_targets = [self._style_targets(style) for style in styles]
        self.content_divisors = {}
        for name in self.content_layers:
            sizes = [self._content_size(targets[name]) for targets in self.content_targets]
            size = torch.tensor(sum(sizes), dtype=torch.float64)
            self.workers.add(size)
            self.content_divisors[name] = float(size)

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Terms at `image` (1, 3, height, width), and the gradient of their sum there."""
        # Copies of the image on several machines would drift apart by rounding.
        image = self.workers.agree(image.detach())
        # What a single tile sees is kept for the gradient; more of them are looked at twice.
        kept = self._watch(image, self.own_tiles[0]) if len(self.own_tiles) == 1 else None
        terms = {f"content {name}": image.new_zeros(()) for name in self.content_layers}
        derivatives: dict[str, Tensor] = {}  # of the loss by F Fᵀ
        with torch.no_grad():
            for name, (moment, divisor) in self._moments(image, self.own_tiles, kept).items():
                loss = self._style_loss(name, moment)
                weight = self.style_layers[name]
                terms[f"style {name}"] = weight * loss.value
                derivatives[name] = loss.gradient * (weight / divisor)
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
        derivatives: dict[str, Tensor],
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
            if name in derivatives:
                parts.append(losses.through_moments(owned, derivatives[name]))
            share = sum(parts[1:], parts[0]).to(owned.dtype)
            if share.shape != features[name].shape:
                owned_share, share = share, torch.zeros_like(features[name])
                _owned(share, name, tile).copy_(owned_share)
            shares[name] = share
        return shares

    def _moments(
        self, image: Tensor, tiles: Sequence[Tile], kept: tuple[Tensor, Features] | None = None
    ) -> dict[str, tuple[Tensor, float]]:
        """Per style layer the moments over all workers' tiles, divided, and their divisor."""
        sums, divisors = {}, {}
        for name in self.style_layers:
            stride = geometry(name).stride
            positions = (image.shape[-2] // stride) * (image.shape[-1] // stride)
            count = channels(name)
            dtype = losses.moments_dtype(count, positions, image.device)
            dtype = torch.promote_types(dtype, image.dtype)
            sums[name] = torch.zeros(count, count, dtype=dtype, device=image.device)
            divisors[name] = losses.moments_divisor(count, positions, self.normalization)
        for tile in tiles:
            seen = kept[1] if kept else self._see(image, tile, self.style_layers)
            for name, total in sums.items():
                owned = _owned(seen[name], name, tile) if kept else seen[name]
                total += losses.moments(owned, total.dtype)
        self.workers.add(*sums.values())
        return {name: (sums[name] / divisors[name], divisors[name]) for name in sums}

    def _own(self, tiles: list[Tile]) -> list[Tile]:
        """Those tiles that this process sees."""
        return tiles[self.workers.rank :: self.workers.count]

    def _watch(self, image: Tensor, tile: Tile) -> tuple[Tensor, Features]:
        """A tile's window and all features in it, ready for the gradient."""
        window = image[..., tile.rows.window, tile.columns.window].clone().requires_grad_()
        with torch.enable_grad():
            return window, self.network(window, self.layers)

    def _see(self, image: Tensor, tile: Tile, layers: Collection[str]) -> Features:
        """Features of the positions that a tile owns."""
        if not layers:
            return {}
        window = image[..., tile.rows.window, tile.columns.window]
        return {
            name: _owned(features, name, tile).clone()
            for name, features in self.network(window, layers).items()
        }

    def _split(self, image: Tensor) -> list[Tile]:
        size = (image.shape[-2], image.shape[-1])
        deepest = max(self.layers, key=LAYERS.index)
        return split(size, geometry(deepest), self.tile_pixels, self.workers.count)

    def _content_size(self, target: Tensor) -> float:
        """A target's part of what squared errors are divided by."""
        if self.config.content_loss == "relative":
            return float(losses.square_sum(target))
        return target.numel()

    def _style_targets(self, style: Tensor) -> dict[str, Tensor]:
        """Per layer the painting's Gram matrix, or a root of its second moments."""
        moments = self._moments(style, self._own(self._split(style)))
        if self.config.style_loss == "gram":
            return {name: moment for name, (moment, _) in moments.items()}
        return {name: losses.moments_root(moment) for name, (moment, _) in moments.items()}

    def _style_loss(self, layer: str, moment: Tensor) -> losses.Loss:
        """Distance of `moment` (C, C) to the styles' targets at `layer`, blended."""
        distance = losses.gram if self.config.style_loss == "gram" else losses.wasserstein
        value, gradient = torch.zeros_like(moment[0, 0]), torch.zeros_like(moment)
        for weight, targets in zip(self.blend, self.style_targets, strict=True):
            loss = distance(moment, targets[layer])
            value, gradient = value + weight * loss.value, gradient + weight * loss.gradient
        return losses.Loss(value, gradient)


def _owned(features: Tensor, layer: str, tile: Tile) -> Tensor:
    """The positions of a layer (1, C, H, W) in a tile's window that the tile owns, as a view."""
    stride = geometry(layer).stride
    return features[..., tile.rows.owned(stride), tile.columns.owned(stride)]


def _weighted(layers: dict[str, float], weight: float) -> dict[str, float]:
    """Layers whose share of the loss is not zero, with that share."""
    return {name: weight * share for name, share in layers.items() if weight * share}
