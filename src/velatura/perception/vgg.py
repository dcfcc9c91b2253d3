"""VGG-19 (Simonyan and Zisserman 2015), spelt out layer by layer, frozen.

Everywhere else images are sRGB in [0, 1]; this file alone knows what the network wants.
"""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.perception.layers import CONVOLUTIONS, LAYERS, check_layer
from velatura.perception.weights import Weights

# Averaging four activations gives less than their maximum. These factors give each pool the mean
# that max pooling has there (measured on 20 natural photographs, zero padding, one pool after
# the other).
AVERAGE_POOLING_GAIN = {"pool1": 1.35, "pool2": 1.71, "pool3": 1.27, "pool4": 1.91, "pool5": 1.73}


class _Convolution(torch.autograd.Function):
    """3×3 convolution by a frozen kernel. Its gradient is a convolution by the mirrored kernel.

    Faster than PyTorch's own backward on CPUs (1.4× in bf16), and it keeps no activation alive.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor, mirrored: Tensor, padding: int
    ) -> Tensor:
        ctx.mirrored, ctx.padding = mirrored, padding
        return F.conv2d(x, kernel, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return F.conv2d(gradients[0], ctx.mirrored, padding=2 - ctx.padding), *([None] * 4)


class _ReLU(torch.autograd.Function):
    """ReLU in place, remembered by its own output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        x.relu_()
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradients[0], x, 0)


def _at(places: Sequence[int], parts: Tensor) -> Tensor:
    """`parts` (n, …), the first of them at the first of `places`, and so on."""
    moved = torch.empty_like(parts)
    moved[list(places)] = parts
    return moved


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """`function.apply`, typed."""
    return function.apply(*arguments)  # type: ignore[no-untyped-call]


class VGG19(nn.Module):
    """The convolutional part of VGG-19, cut after the deepest layer in use.

    Args:
        weights: what `velatura.perception.weights.load` gives.
        layers: names of the layers that will be asked for; nothing beyond is built.
        pooling: `max` as trained, or `average` (Gatys et al. 2016 prefer it), rescaled so that
            activations keep their size.
        padding: `zero` as trained, or `replicate`, which draws no frame into the features.
        dtype: of the convolutions. Below float32 the features come out in that type.
    """

    def __init__(
        self,
        weights: Weights,
        layers: Collection[str],
        *,
        pooling: str = "max",
        padding: str = "zero",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        for name in layers:
            check_layer(name)
        self.layers = LAYERS[: 1 + max(map(LAYERS.index, layers))]
        self.pooling, self.padding, self.dtype = pooling, padding, dtype
        order, mean, std = weights.convention
        # conv1_1 takes over the order of channels and their scale, so that pixels need only lose
        # their mean, and padding with zeros still means the mean.
        self.register_buffer("mean", _at(order, torch.tensor(mean)).view(1, 3, 1, 1).to(device))
        for name in self.layers:
            if name in CONVOLUTIONS:
                kernel, bias = weights.convolutions[name]
                if name == "conv1_1":
                    kernel = _at(order, (kernel / torch.tensor(std).view(3, 1, 1)).transpose(0, 1))
                    kernel = kernel.transpose(0, 1)
                for suffix, tensor in (
                    ("kernel", kernel),
                    ("mirrored", kernel.flip(2, 3).transpose(0, 1)),
                ):
                    tensor = tensor.to(device, dtype, memory_format=torch.channels_last)
                    self.register_buffer(f"{name}_{suffix}", tensor)
                self.register_buffer(f"{name}_bias", bias.to(device, dtype))

    def forward(
        self, image: Tensor, layers: Sequence[str], after: str | None = None
    ) -> dict[str, Tensor]:
        """Features of `image` (batch, 3, height, width), sRGB in [0, 1], at `layers`.

        With `after`, a layer's name, `image` is what that layer gave, and the pass begins there.
        One pass for all layers asked for. A feature tensor is (batch, C, H, W) with H and W
        halved by each pool before it; `conv…` is before, `relu…` after the nonlinearity.
        """
        wanted = set(layers)
        features: dict[str, Tensor] = {}
        x = image if after else image - self.get_buffer("mean")
        x = x.to(self.dtype, memory_format=torch.channels_last)
        for name in self.layers[self.layers.index(after) + 1 if after else 0 :]:
            if name.startswith("conv"):
                x = self._convolve(name, x)
            elif name.startswith("relu"):
                # In place, unless someone asked for the features before the nonlinearity.
                before = name.replace("relu", "conv")
                x = _apply(_ReLU, x.clone() if before in wanted else x)
            else:
                x = self._pool(name, x)
            if name in wanted:
                features[name] = x
                if len(features) == len(wanted):
                    break
        return features

    def _convolve(self, name: str, x: Tensor) -> Tensor:
        kernel, bias, mirrored = (
            self.get_buffer(f"{name}_{suffix}") for suffix in ("kernel", "bias", "mirrored")
        )
        padding = 1
        if self.padding == "replicate":
            x, padding = F.pad(x, (1, 1, 1, 1), mode="replicate"), 0
        return _apply(_Convolution, x, kernel, bias, mirrored, padding)

    def _pool(self, name: str, x: Tensor) -> Tensor:
        if self.pooling == "average":
            return F.avg_pool2d(x, 2) * AVERAGE_POOLING_GAIN[name]
        return F.max_pool2d(x, 2)
