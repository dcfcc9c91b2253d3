"""What is minimised: `objective(image) -> (terms, gradient)`."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from velatura.painting.config import StyleConfig
from velatura.perception import losses
from velatura.perception.vgg import VGG19

Terms: TypeAlias = dict[str, Tensor]
"""Weighted losses by name, as `style relu3_1`; their sum is the loss. Tensors of shape ()."""


class Objective:
    """Content, style and total variation of an image, seen whole.

    Args:
        network: sees at least the layers that `config` names.
        content: the photograph (1, 3, height, width), as large as the images to come.
        styles: the paintings, each (1, 3, any height, any width).
        config: layers, weights and kinds of loss.
    """

    def __init__(
        self, network: VGG19, content: Tensor, styles: Sequence[Tensor], config: StyleConfig
    ) -> None:
        self.network, self.config = network, config
        self.content_layers = _weighted(config.content_layers, config.content_weight)
        self.style_layers = _weighted(config.style_layers, config.style_weight)
        self.blend = config.blend_weights(len(styles)) if styles else ()
        self.layers = [*{**self.content_layers, **self.style_layers}]
        with torch.no_grad():
            seen = network(content, list(self.content_layers)) if self.content_layers else {}
            self.content_targets = seen
            self.style_targets = [self._style_target(style) for style in styles]

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Terms at `image` (1, 3, height, width), and the gradient of their sum there."""
        image = image.detach().requires_grad_()
        with torch.enable_grad():
            features = self.network(image, self.layers)
        terms: Terms = {}
        gradients: dict[str, Tensor] = {}
        with torch.no_grad():
            for name, weight in self.content_layers.items():
                loss = losses.content(
                    features[name],
                    self.content_targets[name],
                    relative=self.config.content_loss == "relative",
                )
                terms[f"content {name}"] = weight * loss.value
                gradients[name] = (weight * loss.gradient).to(features[name].dtype)
            for name, weight in self.style_layers.items():
                divisor = losses.moments_divisor(features[name], self._normalization)
                loss = self._style_loss(name, losses.moments(features[name], divisor))
                terms[f"style {name}"] = weight * loss.value
                share = losses.through_moments(features[name], weight * loss.gradient, divisor)
                gradients[name] = gradients[name] + share if name in gradients else share
        (gradient,) = torch.autograd.grad(
            [features[name] for name in gradients], image, list(gradients.values())
        )
        if self.config.tv_weight:
            with torch.no_grad():
                loss = losses.total_variation(image)
                terms["tv"] = self.config.tv_weight * loss.value
                gradient = gradient + self.config.tv_weight * loss.gradient
        return terms, gradient

    @property
    def _normalization(self) -> str:
        return self.config.gram_norm if self.config.style_loss == "gram" else "positions"

    def _style_target(self, style: Tensor) -> dict[str, Tensor]:
        """Per layer the painting's Gram matrix, or a root of its second moments."""
        targets = {}
        for name, features in self.network(style, list(self.style_layers)).items():
            divisor = losses.moments_divisor(features, self._normalization)
            target = losses.moments(features, divisor)
            gram = self.config.style_loss == "gram"
            targets[name] = target if gram else losses.moments_root(target)
        return targets

    def _style_loss(self, layer: str, moment: Tensor) -> losses.Loss:
        """Distance of `moment` (C, C) to the styles' targets at `layer`, blended."""
        distance = losses.gram if self.config.style_loss == "gram" else losses.wasserstein
        value, gradient = torch.zeros_like(moment[0, 0]), torch.zeros_like(moment)
        for weight, targets in zip(self.blend, self.style_targets, strict=True):
            loss = distance(moment, targets[layer])
            value, gradient = value + weight * loss.value, gradient + weight * loss.gradient
        return losses.Loss(value, gradient)


def _weighted(layers: dict[str, float], weight: float) -> dict[str, float]:
    """Layers whose share of the loss is not zero, with that share."""
    return {name: weight * share for name, share in layers.items() if weight * share}
