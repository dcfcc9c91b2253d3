"""The perceptual loss of a batch: how far its features are from those that are wanted."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.perception import losses
from velatura.perception.layers import geometry
from velatura.perception.vgg import VGG19


class PerceptualLoss:
    """Content and style of a batch of pictures (Johnson et al. 2016), as terms and a gradient.

    Args:
        network: sees at least the layers named.
        content_layers: with weights; the errors are relative to the photographs' features.
        style_layers: with weights. Second moments are those of the whole batch, as one picture has
            too few positions at deep layers.
        style_loss: `wasserstein` or `gram`, both relative to the painting's own moments.
    """

    def __init__(
        self,
        network: VGG19,
        content_layers: Mapping[str, float],
        style_layers: Mapping[str, float] | None = None,
        style_loss: str = "wasserstein",
    ) -> None:
        self.network, self.style_loss = network, style_loss
        self.content_layers, self.style_layers = dict(content_layers), dict(style_layers or {})
        self.targets: dict[str, Tensor] = {}
        self.sizes: dict[str, float] = {}

    @torch.no_grad()
    def set_style(self, painting: Tensor, weights: Tensor | None = None) -> None:
        """Take the style of `painting` (1, 3, height, width) as the one wanted.

        With `weights` (1, 1, height, width) its places count as much as those say.
        """
        for name, features in self.network(painting, [*self.style_layers]).items():
            places = None if weights is None else F.avg_pool2d(weights, geometry(name).stride)
            moment = _moments(features, places)
            wasserstein = self.style_loss == "wasserstein"
            self.targets[name] = losses.moments_root(moment) if wasserstein else moment
            # The Wasserstein distance is relative to them by itself.
            # One that the painting does not excite at all counts nothing.
            self.sizes[name] = 1.0 if wasserstein else float(moment.square().mean()) or math.inf

    def __call__(
        self, pictures: Tensor, photographs: Tensor, content_weight: float = 1.0
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Terms, and the gradient of their sum at `pictures`.

        Both are (batch, 3, height, width); all content weights are multiplied by `content_weight`.
        """
        with torch.no_grad():
            wanted = self.network(photographs, [*self.content_layers])
        seen = pictures.detach().requires_grad_()
        with torch.enable_grad():
            features = self.network(seen, [*{**self.content_layers, **self.style_layers}])
        terms: dict[str, Tensor] = {}
        shares: dict[str, Tensor] = {}
        with torch.no_grad():
            for name, share in self.content_layers.items():
                weight = content_weight * share
                size = float(losses.square_sum(wanted[name]))
                error = losses.content(features[name], wanted[name], size)
                terms[f"content {name}"] = weight * error.value
                shares[name] = (weight * error.gradient).to(features[name].dtype)
            distance = losses.wasserstein if self.style_loss == "wasserstein" else losses.gram
            for name, weight in self.style_layers.items():
                share = weight / self.sizes[name]
                moment = _moments(features[name])
                loss = distance(moment, self.targets[name].to(moment.dtype))
                terms[f"style {name}"] = share * loss.value
                derivative = loss.gradient * (share / _positions(features[name]))
                push = losses.through_moments(features[name], derivative)
                shares[name] = push + shares[name] if name in shares else push
        names = [*shares]
        (gradient,) = torch.autograd.grad(
            [features[name] for name in names], seen, [shares[name] for name in names]
        )
        return terms, gradient


def _positions(features: Tensor) -> int:
    return features.numel() // features.shape[1]


def _moments(features: Tensor, weights: Tensor | None = None) -> Tensor:
    count, positions = features.shape[1], _positions(features)
    dtype = losses.moments_dtype(count, positions, features.device)
    # Never below what the features have.
    dtype = torch.promote_types(dtype, features.dtype)
    weight = positions if weights is None else max(float(weights.sum()), 1e-3)
    return losses.moments(features, dtype, weights) / weight
