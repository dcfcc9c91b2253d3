"""The network that paints in one pass, with PyTorch; `layers.py` is its table."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.fast.layers import (
    EPSILON,
    FOLDING,
    LAST,
    LAYERS,
    MOST_GAIN,
    PARITIES,
    PASSES,
    SMALLEST_SPREAD,
    Layer,
)

FIRST_CHANGE = 0.1  # how large the last layer's kernel is to begin with
STRIP_PIXELS = 1 << 20  # that a layer computes at once, so that what it needs meanwhile stays small


class StyleNetwork(nn.Module):
    """Paints pictures (batch, 3, height, width), sRGB in [0, 1], at least 16 pixels a side."""

    palette_mean: Tensor
    palette_axes: Tensor  # (3, 3), an axis a column
    palette_spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        for layer in LAYERS:
            fan_in = layer.inputs * layer.kernel**2
            gain = (2 / fan_in) ** 0.5 * (FIRST_CHANGE if layer.name == LAST else 1)
            kernel = gain * torch.randn(layer.outputs, layer.inputs, layer.kernel, layer.kernel)
            self.register_parameter(f"{layer.name}_kernel", nn.Parameter(kernel))
            self.register_parameter(f"{layer.name}_bias", nn.Parameter(torch.zeros(layer.outputs)))
            if layer.name != LAST:
                scale = nn.Parameter(torch.ones(layer.outputs))
                self.register_parameter(f"{layer.name}_scale", scale)
        self.register_buffer("palette_mean", torch.full((3,), 0.5))
        self.register_buffer("palette_axes", torch.eye(3))
        self.register_buffer("palette_spread", torch.full((3,), 0.25))

    def set_palette(self, painting: Tensor) -> None:
        """Take the colours of `painting` (1, 3, height, width) as those to paint with."""
        pixels = painting[0].flatten(1).float()
        variances, axes = torch.linalg.eigh(torch.cov(pixels))
        self.palette_mean.copy_(pixels.mean(1))
        self.palette_axes.copy_(axes)
        self.palette_spread.copy_(variances.clamp_min(0).sqrt())

    def recolour(self, picture: Tensor) -> Tensor:
        """`picture` with the mean and spread of the palette along the palette's own axes.

        What `forward` expects: a style is learnt sooner where colours need not be.
        """
        pixels = picture.flatten(2)
        mean = pixels.mean(2, keepdim=True)
        pixels = pixels - mean
        axes = self.palette_axes
        covariance = pixels @ pixels.mT / pixels.shape[2]
        spread = (axes * (covariance @ axes)).sum(1).clamp_min(0).sqrt()  # along each axis
        gain = (self.palette_spread / spread.clamp_min(SMALLEST_SPREAD)).clamp_max(MOST_GAIN)
        matrix = (axes * gain[:, None]) @ axes.mT
        recoloured = matrix @ pixels + self.palette_mean[:, None]
        return recoloured.view_as(picture).clamp(0, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Paint a recoloured batch; each picture is normalised by itself."""
        x = picture - 0.5
        sizes: list[tuple[int, int]] = []
        entered, seen = x, {}
        for layer in LAYERS:
            height, width = _output_size(layer, x, sizes)
            if layer.enters:
                entered = x
            x = self._convolve(layer, x, (layer.around,) * 4)
            if layer.enlarge:
                x = x[..., :height, :width]
            if layer.name != LAST:
                x = self._normalised(layer, x)
                x = x + entered if layer.adds else F.relu(x)
            seen[layer.name] = x
            if layer.joins:
                x = x + seen[layer.joins]
        return torch.sigmoid(x.float() + PASSES * (picture - 0.5))

    @torch.no_grad()
    def paint(
        self,
        picture: Tensor,
        watch: Callable[[float], None] = lambda done: None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Recolour and paint one picture (1, 3, height, width); `watch` is told the share done.

        Of any size: layer by layer, each in strips of rows, normalised by the statistics of the
        whole. It gives what `forward` gives, and memory holds two or three layers and no more.
        `dtype` is that of the convolutions. The last one is float32 always: the eight bits of
        bfloat16 would show as bands.
        """
        centred = self.recolour(picture) - 0.5
        x = centred.to(dtype, memory_format=torch.channels_last)
        sizes: list[tuple[int, int]] = []
        entered = x
        kept = dict.fromkeys((layer.joins for layer in LAYERS), x)
        for number, layer in enumerate(LAYERS, start=1):
            size = _output_size(layer, x, sizes)
            if layer.enters:
                entered = x
            x = self._in_strips(layer, x.float() if layer.name == LAST else x, size)
            if layer.name != LAST:
                x = x.add_(entered) if layer.adds else x.relu_()
            if layer.name in kept:
                kept[layer.name] = x
            if layer.joins:
                x = x.add_(kept.pop(layer.joins))
            watch(number / len(LAYERS))
        return x.add_(centred, alpha=PASSES).sigmoid_()

    def _in_strips(self, layer: Layer, x: Tensor, size: tuple[int, int]) -> Tensor:
        """What `layer` makes of `x`, normalised; of `size` (height, width)."""
        height, width = size
        rows = max(2, STRIP_PIXELS // width // 2 * 2)
        if rows >= height:
            whole = self._convolve(layer, x, (layer.around,) * 4)[..., :height, :width]
            return whole if layer.name == LAST else self._normalised(layer, whole)
        made = x.new_empty((1, layer.outputs, *size)).to(memory_format=torch.channels_last)
        total = x.new_zeros((2, layer.outputs), dtype=torch.float64)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            window, beyond = _window(layer, x, top, bottom)
            strip = self._convolve(layer, window, beyond)[..., : bottom - top, :width]
            made[..., top:bottom, :] = strip
            if layer.name != LAST:
                strip = strip.float()
                total += torch.stack([strip.sum((0, 2, 3)), strip.square().sum((0, 2, 3))])
        if layer.name == LAST:
            return made
        mean, square = total / (height * width)
        deviation = (square - mean.square()).clamp_min(0).add(EPSILON).sqrt()
        scale = self.get_parameter(f"{layer.name}_scale") / deviation
        shift = self.get_parameter(f"{layer.name}_bias") - scale * mean
        return made.mul_(scale.view(1, -1, 1, 1).to(made)).add_(shift.view(1, -1, 1, 1).to(made))

    def _normalised(self, layer: Layer, x: Tensor) -> Tensor:
        """Each channel of each picture with the mean and deviation that the layer has learnt."""
        scale, bias = (self.get_parameter(f"{layer.name}_{part}") for part in ("scale", "bias"))
        if len(x) == 1:  # the same, without a detour over another memory format
            return F.batch_norm(x, None, None, scale, bias, training=True, eps=EPSILON)
        return F.instance_norm(x, weight=scale, bias=bias, eps=EPSILON)

    def _convolve(self, layer: Layer, x: Tensor, beyond: tuple[int, int, int, int]) -> Tensor:
        """The convolution of `x`, reflected `beyond` left, right, top, bottom; not yet cropped."""
        kernel = self.get_parameter(f"{layer.name}_kernel").to(x.dtype)
        if layer.enlarge:
            kernel = folded(kernel)
        y = F.conv2d(F.pad(x, beyond, mode="reflect"), kernel, stride=layer.stride)
        if layer.enlarge:
            y = F.pixel_shuffle(y, 2)
        if layer.name == LAST:  # elsewhere the bias follows the normalisation
            y = y + self.get_parameter(f"{LAST}_bias").to(x.dtype).view(-1, 1, 1)
        return y


def _window(
    layer: Layer, x: Tensor, top: int, bottom: int
) -> tuple[Tensor, tuple[int, int, int, int]]:
    """The rows of `x` that rows `top` to `bottom` after `layer` need, and what lies beyond `x`."""
    if layer.enlarge:
        top, bottom = top // 2, -(-bottom // 2)
    around = layer.around
    first, last = top * layer.stride - around, (bottom - 1) * layer.stride + around + 1
    beyond = (around, around, max(-first, 0), max(last - x.shape[-2], 0))
    return x[..., max(first, 0) : last, :], beyond


def folded(kernel: Tensor) -> Tensor:
    """The kernel (4·out, in, 3, 3) that does on a picture what `kernel` does on its enlargement.

    `kernel` is (out, in, 5, 5), the enlargement twofold by nearest neighbours; see `PARITIES`.
    """
    parities = kernel.new_tensor(PARITIES)
    return torch.einsum(FOLDING, parities, parities, kernel).flatten(0, 2)


def _output_size(layer: Layer, x: Tensor, sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """Height and width after `layer`; `sizes` holds those to come back to on the way up."""
    height, width = x.shape[-2:]
    if layer.enlarge:
        return sizes.pop()
    if layer.stride == 2:
        sizes.append((height, width))
        return -(-height // 2), -(-width // 2)
    return height, width
