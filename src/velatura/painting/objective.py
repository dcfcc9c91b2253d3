"""What is minimised: `objective(image) -> (terms, gradient)`."""

from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import NamedTuple

import torch
from torch import Tensor

from velatura.painting.config import StyleConfig
from velatura.painting.image_terms import COLORS, Colors, Earlier, ImageTerm, TotalVariation
from velatura.painting.neighbors import MOST, NeighborTerm, StyleFeatures
from velatura.painting.terms import (
    STYLE_LOSSES,
    ContentTerm,
    Region,
    StyleTerm,
    Term,
    Terms,
    style_targets,
)
from velatura.painting.walk import Part, Walk
from velatura.painting.workers import Workers
from velatura.perception.palette import Palette, palette
from velatura.perception.vgg import VGG19


class StyleStatistics(NamedTuple):
    """What an objective wants to know of the styles; of no picture, so that many may share it."""

    targets: list[dict[str, Tensor]]  # of each style by layer
    palettes: list[Palette]
    features: list[StyleFeatures]  # to be neighbours; none where no layer wants them


class Objective:
    """Content, style, colours and total variation of an image, seen whole or tile by tile.

    Args:
        network: sees at least the layers that `config` names.
        content: the content image (1, 3, height, width), as large as the images to come.
        styles: the style images, each (1, 3, any height, any width).
        config: layers, weights and kinds of loss.
        tile_pixels: the most pixels that the network's first stage may see at once, the later
            ones more (`velatura.painting.stages`); None for no limit.
        workers: the processes that share the tiles.
        masks: where in the picture each style goes, (1, 1, height, width) in [0, 1] for every
            style; everywhere, blended, if there is none.
        style_masks: what part of each style image counts, likewise.
        focus: how much the content counts in each place of the picture, (1, 1, any height, any
            width); alike if it is not given.
        statistics: those of the styles, of another objective with the same network, styles and
            layers.
        earlier: what the picture is held to as the next frame of a film.

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
        statistics: StyleStatistics | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.workers = workers or Workers()
        content_layers = _weighted(config.content_layers, config.effective_content_weight)
        style_layers = _weighted(config.style_layers, config.style_weight)
        neighbor_layers = _weighted(
            config.neighbor_layers if styles else {}, config.style_weight * config.neighbor_weight
        )
        names = [*style_layers, *neighbor_layers, COLORS]
        self.regions = _regions(names, masks, len(styles), config)

        def walk(image: Tensor, layers: Collection[str]) -> Walk:
            size = (image.shape[-2], image.shape[-1])
            return Walk(network, size, layers, tile_pixels, self.workers)

        self.walk = walk(content, {**content_layers, **style_layers, **neighbor_layers})
        loss = STYLE_LOSSES[config.style_loss]
        normalization = config.gram_norm if config.style_loss == "gram" else "positions"
        with torch.no_grad():
            self.statistics = statistics or StyleStatistics(
                [
                    style_targets(
                        walk(style, style_layers), style_layers, style, mask, loss, normalization
                    )
                    for style, mask in zip_longest(styles, style_masks)
                ],
                [palette(style, mask) for style, mask in zip_longest(styles, style_masks)],
                [
                    StyleFeatures(
                        [*neighbor_layers],
                        walk,
                        style,
                        mask,
                        MOST // len(styles),
                        config.neighbor_turns,
                    )
                    for style, mask in zip_longest(styles if neighbor_layers else [], style_masks)
                    if style is not None
                ],
            )
            targets, palettes, features = self.statistics
            self.neighbors = NeighborTerm(neighbor_layers, self.walk, features, self.regions)
            self.terms: list[Term] = [
                ContentTerm(content_layers, self.walk, content, config.content_loss, focus),
                StyleTerm(style_layers, self.regions, targets, loss, normalization),
                self.neighbors,
            ]
        self.image_terms: list[ImageTerm] = []
        if styles and (color_weight := config.style_weight * config.color_weight):
            self.image_terms.append(Colors(color_weight, self.regions, palettes))
        if config.tv_weight:
            self.image_terms.append(TotalVariation(config.tv_weight))
        if earlier:
            self.image_terms.append(earlier)

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Terms at `image` (1, 3, height, width), and the gradient of their sum there."""
        # Copies of the image on several machines would drift apart by rounding.
        image = self.workers.broadcast(image.detach())
        with torch.no_grad():
            for term in self.terms:
                term.begin(image)
            activations = self.walk.forward(image, self._forward, for_gradient=True)
            for term in self.terms:
                term.settle(self.workers)
            gradient = self.walk.backward(activations, self._backward)
            found: Terms = {}
            for term in self.terms:
                found |= term.values(self.workers)
            for image_term in self.image_terms:
                values, push = image_term(image)
                found |= values
                gradient += push
        return found, gradient

    @torch.no_grad()
    def match(self, image: Tensor) -> None:
        """Let neighbours be those that `image` (1, 3, height, width) has in the styles."""
        if self.neighbors.layers:
            self.neighbors.match(self.workers.broadcast(image))

    @property
    def tiles(self) -> int:
        """In how many tiles the first stage is seen, by all workers together."""
        return self.walk.tiles

    def _forward(self, part: Part, features: Tensor) -> None:
        for term in self.terms:
            if part.layer in term.layers:
                term.forward(part, features)

    def _backward(self, part: Part, features: Tensor) -> Tensor:
        gradients = [
            term.backward(part, features) for term in self.terms if part.layer in term.layers
        ]
        return sum(gradients[1:], gradients[0])


def _regions(
    names: Sequence[str], masks: Sequence[Tensor], styles: int, config: StyleConfig
) -> list[Region]:
    """One region for each style's mask, its share its area's; without masks one for all.

    `names` are of layers and terms that may be blended each in its own way.
    """
    blends = {name: config.blend_weights(styles, name) for name in names}
    if not masks:
        shares = {name: dict(enumerate(blend)) for name, blend in blends.items()}
        return [Region(None, shares)] if styles else []
    return [
        Region(
            mask,
            {
                name: {number: styles * blend[number] * float(mask.mean())}
                for name, blend in blends.items()
            },
        )
        for number, mask in enumerate(masks)
    ]


def _weighted(layers: dict[str, float], weight: float) -> dict[str, float]:
    """Layers whose share of the loss is not zero, with that share."""
    return {name: weight * share for name, share in layers.items() if weight * share}
