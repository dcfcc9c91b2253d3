"""The network that paints in one pass, with PyTorch; `layers.py` is its table."""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.fast.layers import (
    EPSILON,
    FOLDING,
    GRAIN,
    LAST,
    LAYERS,
    MOST_GAIN,
    NEWTON_STEPS,
    OFFSETS,
    PARITIES,
    PASSES,
    SHAPES,
    SMALLEST_SPREAD,
    Layer,
)

FIRST_GRAIN = 0.2  # how much of the noise each channel is given to begin with
FIRST_CHANGE = 0.1  # how large the last layer's kernel is to begin with
STRIP_PIXELS = 1 << 20  # that a layer computes at once, so that what it needs meanwhile stays small
# Of rows, so that the same are looked at as in the whole picture.
STRIP_STEP = 2 * len(OFFSETS) * max(layer.every for layer in LAYERS)


class StyleNetwork(nn.Module):
    """Paints pictures (batch, 3, height, width), sRGB in [0, 1], at least 16 pixels a side.

    Its first parameters are drawn by `seed`.
    """

    palette_mean: Tensor
    palette_axes: Tensor  # (3, 3), an axis a column
    palette_spread: Tensor
    grain: Tensor

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        draw = functools.partial(torch.randn, generator=generator)
        for layer in LAYERS:
            shape = SHAPES[f"{layer.name}_kernel"]
            gain = (2 / math.prod(shape[1:])) ** 0.5 * (FIRST_CHANGE if layer.name == LAST else 1)
            self.register_parameter(f"{layer.name}_kernel", nn.Parameter(gain * draw(shape)))
            self.register_parameter(f"{layer.name}_bias", nn.Parameter(torch.zeros(layer.outputs)))
            if layer.name != LAST:
                scale = nn.Parameter(torch.ones(layer.outputs))
                self.register_parameter(f"{layer.name}_scale", scale)
            if layer.grained:
                weight = nn.Parameter(FIRST_GRAIN * draw(layer.outputs))
                self.register_parameter(f"{layer.name}_grain", weight)
        self.register_buffer("grain", draw(SHAPES["grain"]))
        self.register_buffer("palette_mean", torch.full((3,), 0.5))
        self.register_buffer("palette_axes", torch.eye(3))
        self.register_buffer("palette_spread", torch.full((3,), 0.25))

    def set_palette(self, painting: Tensor, weights: Tensor | None = None) -> None:
        """Take the colours of `painting` (1, 3, height, width) as those to paint with.

        With `weights` (1, 1, height, width) pixels count as much as those say.
        """
        pixels = painting[0].flatten(1).float()
        each = None if weights is None else weights.flatten().to(pixels)
        variances, axes = torch.linalg.eigh(torch.cov(pixels, aweights=each))
        mean = pixels.mean(1) if each is None else (pixels * each).sum(1) / each.sum()
        self.palette_mean.copy_(mean)
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

    def forward(self, picture: Tensor, grain: Tensor | None = None) -> Tensor:
        """Paint a recoloured batch; each picture is whitened by itself.

        `grain` (1, 1, 128, 128) takes the place of the network's own noise: a training shifts it.
        """
        grain = self.grain if grain is None else grain
        x = (picture - 0.5).contiguous(memory_format=torch.channels_last)
        sizes: list[tuple[int, int]] = []
        entered, seen = x, {}
        for layer in LAYERS:
            height, width = _output_size(layer, x, sizes)
            if layer.enters:
                entered = x
            x = self._convolve(layer, x, (layer.around,) * 4)
            if layer.name != LAST:
                x = self._whitened(layer, x)
            x = x[..., :height, :width]
            if layer.grained:
                x = x + self._grain(layer, x, grain)
            if layer.name != LAST:
                x = x + entered if layer.adds else F.relu(x)
            seen[layer.name] = x
            if layer.joins:
                x = x + seen[layer.joins]
        return torch.sigmoid(x.float() + PASSES * (picture - 0.5))

    @torch.no_grad()
    def paint(
        self,
        picture: Tensor,
        on_progress: Callable[[float], None] = lambda done: None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Recolour and paint one picture (1, 3, height, width).

        `on_progress` is told the share done.

        Of any size: layer by layer, each in strips of rows, whitened by the statistics of the
        whole. It gives what `forward` gives, and memory holds two or three layers and no more.
        `dtype` is that of the convolutions. The last one is float32 always: the eight bits of
        bfloat16 would show as bands.
        """
        centred = self.recolour(picture) - 0.5
        x = centred.to(dtype, memory_format=torch.channels_last)
        sizes: list[tuple[int, int]] = []
        entered = x
        joined, kept = {layer.joins for layer in LAYERS}, {}
        for number, layer in enumerate(LAYERS, start=1):
            size = _output_size(layer, x, sizes)
            if layer.enters:
                entered = x
            x = self._in_strips(layer, x.float() if layer.name == LAST else x, size)
            if layer.grained:
                x = x.add_(self._grain(layer, x, self.grain))
            if layer.name != LAST:
                x = x.add_(entered) if layer.adds else x.relu_()
            if layer.name in joined:
                kept[layer.name] = x
            if layer.joins:
                x = x.add_(kept.pop(layer.joins))
            on_progress(number / len(LAYERS))
        return x.add_(centred, alpha=PASSES).sigmoid_()

    def _in_strips(self, layer: Layer, x: Tensor, size: tuple[int, int]) -> Tensor:
        """What `layer` makes of `x`, whitened; of `size` (height, width)."""
        height, width = size
        rows = max(STRIP_STEP, STRIP_PIXELS // width // STRIP_STEP * STRIP_STEP)
        if rows >= height:
            whole = self._convolve(layer, x, (layer.around,) * 4)
            whole = whole if layer.name == LAST else self._whitened(layer, whole)
            return whole[..., :height, :width]
        shape = (1, layer.outputs, *size)
        made = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        count = 0
        total = torch.zeros(layer.outputs, dtype=torch.float64)  # on the CPU: MPS has no float64
        products = torch.zeros(layer.outputs, layer.outputs, dtype=torch.float64)
        about = x.new_zeros(layer.outputs, dtype=torch.float32)  # near the mean: less to cancel
        strips = [(top, min(top + rows, height)) for top in range(0, height, rows)]
        for top, bottom in strips:
            window, beyond = _window(layer, x, top, bottom)
            strip = self._convolve(layer, window, beyond)
            made[..., top:bottom, :] = strip[..., : bottom - top, :width]
            if layer.name != LAST:
                values = _looked_at(layer, strip)[0].float()
                about = values.mean(0) if top == 0 else about
                values = values - about
                count += len(values)
                total += values.sum(0).cpu()
                products += (values.T @ values).cpu()
        if layer.name == LAST:
            return made
        mean = total / count
        covariance = (products / count - mean[:, None] * mean).to(about)[None]
        mean, root = mean.to(about) + about, inverse_root(covariance)
        for top, bottom in strips:
            strip = made[..., top:bottom, :]
            strip -= mean.view(-1, 1, 1)
            strip.copy_(self._transformed(layer, strip, root))
        return made

    def _whitened(self, layer: Layer, x: Tensor) -> Tensor:
        """Channels of each picture made uncorrelated, with what the layer has learnt to follow.

        `x` is written over.
        """
        values = _looked_at(layer, x).float()
        mean = values.mean(1)
        values = values - mean[:, None]
        x -= mean[..., None, None]
        covariance = values.mT @ values / values.shape[1]
        return self._transformed(layer, x, inverse_root(covariance))

    def _transformed(self, layer: Layer, x: Tensor, root: Tensor) -> Tensor:
        """`x`, whose mean is 0, multiplied by the root of its covariance, scaled and biased."""
        scale, bias = (self.get_parameter(f"{layer.name}_{part}") for part in ("scale", "bias"))
        made = _values(x) @ (root * scale).to(x.dtype)
        made += bias
        return made.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)

    def _grain(self, layer: Layer, x: Tensor, grain: Tensor) -> Tensor:
        """Noise for `x`, (1, channels, height, width)."""
        rows, columns = (torch.arange(side, device=x.device) % GRAIN for side in x.shape[2:])
        weight = self.get_parameter(f"{layer.name}_grain").view(1, -1, 1, 1)
        return (weight * grain[:, :, rows][..., columns]).to(x.dtype)

    def _convolve(self, layer: Layer, x: Tensor, beyond: tuple[int, int, int, int]) -> Tensor:
        """The convolution of `x`, reflected `beyond` left, right, top, bottom; not yet cropped."""
        kernel = self.get_parameter(f"{layer.name}_kernel").to(x.dtype)
        if layer.enlarge:
            kernel = folded(kernel)
        y = F.conv2d(F.pad(x, beyond, mode="reflect"), kernel, stride=layer.stride)
        if layer.enlarge:
            y = F.pixel_shuffle(y, 2)
        if layer.name == LAST:  # elsewhere the bias follows the whitening
            y = y + self.get_parameter(f"{LAST}_bias").to(x.dtype).view(-1, 1, 1)
        return y


def _values(x: Tensor) -> Tensor:
    """Positions and channels of `x`: (batch, height · width, channels)."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _looked_at(layer: Layer, x: Tensor) -> Tensor:
    """Those of the values of `x`, which the convolution gives, that the whitening goes by."""
    rows = x.permute(0, 2, 3, 1)
    if layer.every > 1:
        rows = rows.view(len(x), -1, 2 if layer.enlarge else 1, *rows.shape[2:])
        numbers = torch.arange(0, rows.shape[1], layer.every, device=x.device)
        offsets = torch.tensor(OFFSETS, device=x.device) % layer.every
        numbers += offsets[torch.arange(len(numbers), device=x.device) % len(OFFSETS)]
        rows = rows.index_select(1, numbers.clamp_max(rows.shape[1] - 1)).flatten(2, 3)
    return rows.flatten(1, 2)


def inverse_root(covariance: Tensor) -> Tensor:
    """Towards Σ^−½ of covariances (batch, channels, channels), by a few of Newton's steps.

    P ← (3 P − P³ Σ) / 2 from P = 1, of Σ divided by its trace (Huang et al. 2019, eq. 5).
    That is near for directions that have much of the variance; those that have nearly none are
    enlarged 1.5-fold by each step and no more.
    """
    unit = torch.eye(covariance.shape[-1], device=covariance.device)
    covariance = covariance + EPSILON * unit
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None]
    covariance = covariance / trace
    root = unit.expand_as(covariance)
    for _ in range(NEWTON_STEPS):
        root = 1.5 * root - 0.5 * root @ root @ root @ covariance
    return root / trace.sqrt()


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
