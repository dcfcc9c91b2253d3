"""A network that paints in one pass, after Johnson et al. 2016, spelt out layer by layer.

Convolutions with reflection padding, instance normalisation (Ulyanov et al. 2017), residual
blocks, and on the way up a resize-convolution in place of a transposed one, which would leave a
checkerboard (Odena et al. 2016). Two departures: no layer but the last works at full size, where
most of the bytes are, and three of the five blocks work at an eighth of it, where a stroke is seen
whole. Two more make it learn in fewer steps: what the way down saw is added on the way up
(Ronneberger et al. 2015), and the picture itself at the end, so that the network need not learn to
copy what it shall keep.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Layer(NamedTuple):
    """A convolution, its normalisation and its ReLU. The last layer has neither of the two."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    enlarge: bool = False  # see the picture twice as large
    adds: bool = False  # ends a residual block: what entered it is added, and there is no ReLU
    joins: str = ""  # the layer on the way down whose result is added


def _block(name: str, channels: int) -> tuple[Layer, Layer]:
    return Layer(f"{name}a", channels, channels), Layer(f"{name}b", channels, channels, adds=True)


LAYERS = (
    Layer("down1", 3, 32, kernel=5, stride=2),
    Layer("down2", 32, 64, stride=2),
    *_block("block1", 64),  # at a quarter of the size
    Layer("down3", 64, 80, stride=2),
    *_block("block2", 80),  # at an eighth
    *_block("block3", 80),
    *_block("block4", 80),
    Layer("up3", 80, 64, kernel=5, enlarge=True, joins="down2"),
    *_block("block5", 64),
    Layer("up2", 64, 32, kernel=5, enlarge=True, joins="down1"),
    Layer("up1", 32, 3, kernel=5, enlarge=True),
)
LAST = LAYERS[-1].name
SMALLEST_SIDE = 16  # pixels, for which an eighth has two rows to reflect
EPSILON = 1e-5
MOST_GAIN = 4.0  # of a colour, so that the noise of a grey photograph is not blown up
PASSES = 2.0  # how much of the picture is added before the sigmoid, whose slope is 1/4 at most
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
        along = torch.einsum("ca,bchw->bahw", self.palette_axes, picture)
        mean = along.mean((2, 3), keepdim=True)
        spread = (along - mean).square().mean((2, 3), keepdim=True).sqrt()
        gain = (self.palette_spread.view(-1, 1, 1) / spread.clamp_min(1e-6)).clamp_max(MOST_GAIN)
        along = (along - mean) * gain
        back = torch.einsum("ca,bahw->bchw", self.palette_axes, along)
        return (back + self.palette_mean.view(-1, 1, 1)).clamp(0, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Paint a recoloured batch; each picture is normalised by itself."""
        x = picture - 0.5
        sizes: list[tuple[int, int]] = []
        entered, seen = x, {}
        for layer in LAYERS:
            height, width = _output_size(layer, x, sizes)
            if layer.name.endswith("a"):
                entered = x
            x = self._convolve(layer, x, _around(layer))
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
            if layer.name.endswith("a"):
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
            whole = self._convolve(layer, x, _around(layer))[..., :height, :width]
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


def _around(layer: Layer) -> tuple[int, int, int, int]:
    """How far a convolution sees beyond the picture: left, right, top, bottom."""
    around = 1 if layer.enlarge else layer.kernel // 2
    return (around, around, around, around)


def _window(
    layer: Layer, x: Tensor, top: int, bottom: int
) -> tuple[Tensor, tuple[int, int, int, int]]:
    """The rows of `x` that rows `top` to `bottom` after `layer` need, and what lies beyond `x`."""
    if layer.enlarge:
        top, bottom = top // 2, -(-bottom // 2)
    around = _around(layer)[0]
    first, last = top * layer.stride - around, (bottom - 1) * layer.stride + around + 1
    beyond = (around, around, max(-first, 0), max(last - x.shape[-2], 0))
    return x[..., max(first, 0) : last, :], beyond


def folded(kernel: Tensor) -> Tensor:
    """The kernel (4·out, in, 3, 3) that does on a picture what `kernel` does on its enlargement.

    `kernel` is (out, in, 5, 5), the enlargement twofold by nearest neighbours. Five neighbours in
    the enlargement are three in the picture, some of them twice; which ones depends on whether the
    row is even or odd. So a resize-convolution costs 9/25 of its operations, and the enlargement
    is never made. `pixel_shuffle` puts the four results in their places.
    """
    even = kernel.new_tensor([[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]])
    odd = kernel.new_tensor([[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]])
    parities = torch.stack([even, odd])  # (2, 3, 5)
    phases = torch.einsum("pay,qbx,oiyx->opqiab", parities, parities, kernel)
    return phases.flatten(0, 2)


def _output_size(layer: Layer, x: Tensor, sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """Height and width after `layer`; `sizes` holds those to come back to on the way up."""
    height, width = x.shape[-2:]
    if layer.enlarge:
        return sizes.pop()
    if layer.stride == 2:
        sizes.append((height, width))
        return -(-height // 2), -(-width // 2)
    return height, width
