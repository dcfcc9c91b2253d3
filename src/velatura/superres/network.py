"""A network that enlarges pictures two, three or four times, spelt out layer by layer.

Residual blocks without normalisation (Lim et al. 2017) on the picture as it is, and at the end a
convolution for each scale whose channels become pixels (Shi et al. 2016). What the network makes is
added to a bicubic enlargement: it need only know what that one lacks.
"""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.superres.options import SCALES

CHANNELS, BLOCKS = 48, 8
SMALL = 0.1  # of what is added to begin with: near the bicubic enlargement
HALO = 2 * BLOCKS + 3  # pixels: how far a pixel's making sees, beyond the two of bicubic
TILE = 512  # pixels a side, before they are enlarged, that the network sees at once


class Block(nn.Module):
    """Two convolutions whose result is added to what came in."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.first = _convolution(CHANNELS, CHANNELS, generator)
        self.second = _convolution(CHANNELS, CHANNELS, generator, gain=SMALL)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (batch, channels, height, width) and what is added to it."""
        return x + self.second(F.relu(self.first(x)))


class UpscaleNetwork(nn.Module):
    """Enlarges pictures (batch, 3, height, width), sRGB in [0, 1].

    Its first parameters are drawn by `seed`.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.enter = _convolution(3, CHANNELS, generator)
        self.blocks = nn.Sequential(*(Block(generator) for _ in range(BLOCKS)))
        self.leave = _convolution(CHANNELS, CHANNELS, generator)
        self.enlarge = nn.ModuleDict(
            {
                str(scale): _convolution(CHANNELS, 3 * scale**2, generator, gain=SMALL)
                for scale in SCALES
            }
        )

    def forward(self, picture: Tensor, scale: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Enlarge a batch `scale` times; beyond [0, 1] where it overshoots.

        With bfloat16 for `dtype` the network's convolutions run in it; the bicubic part never does.
        """
        with torch.autocast(picture.device.type, dtype, enabled=dtype != torch.float32):
            detail = self._detail(picture - 0.5, scale)
        return enlarged(picture, scale) + detail.to(picture.dtype)

    def _detail(self, x: Tensor, scale: int) -> Tensor:
        """What the enlargement of a centred picture lacks."""
        entered = self.enter(x)
        made = self.leave(self.blocks(entered)) + entered
        return F.pixel_shuffle(self.enlarge[str(scale)](made), scale)

    @torch.no_grad()
    def upscale(
        self,
        picture: Tensor,
        scale: int,
        on_progress: Callable[[float], None] = lambda done: None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Enlarge one picture (1, 3, height, width), of any size.

        `on_progress` is told the share done.

        In tiles that overlap as far as the network sees: it gives what `forward` gives, in [0, 1].
        `dtype` is that of the convolutions.
        """
        height, width = picture.shape[-2:]
        made = picture.new_empty((1, 3, height * scale, width * scale))
        corners = list(product(range(0, height, TILE), range(0, width, TILE)))
        for number, (top, left) in enumerate(corners, start=1):
            up, before = max(top - HALO, 0), max(left - HALO, 0)
            tile = picture[..., up : top + TILE + HALO, before : left + TILE + HALO]
            large = self(tile.contiguous(memory_format=torch.channels_last), scale, dtype)
            part = made[
                ..., top * scale : (top + TILE) * scale, left * scale : (left + TILE) * scale
            ]
            inner = large[..., (top - up) * scale :, (left - before) * scale :]
            part.copy_(inner[..., : part.shape[-2], : part.shape[-1]].clamp(0, 1))
            on_progress(number / len(corners))
        return made


def enlarged(picture: Tensor, scale: int) -> Tensor:
    """The bicubic enlargement of `picture` (batch, channels, height, width).

    With the kernel of Keys 1981, a = −½, as MATLAB's and Pillow's. Each of the `scale`² pixels that
    one becomes is a weighted sum of its 5 × 5 neighbours: a convolution, exact in tiles.
    """
    phase = (torch.arange(scale).to(picture) + 0.5) / scale - 0.5
    distance = (phase[:, None] - torch.arange(-2, 3).to(picture)).abs()  # (scale, 5)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    taps = torch.where(distance < 1, near, torch.where(distance < 2, far, 0))
    kernel = torch.einsum("py,qx->pqyx", taps, taps).flatten(0, 1)[:, None]  # (scale², 1, 5, 5)
    batch, channels, height, width = picture.shape
    flat = picture.reshape(batch * channels, 1, height, width)
    made = F.pixel_shuffle(F.conv2d(F.pad(flat, (2, 2, 2, 2), mode="replicate"), kernel), scale)
    return made.reshape(batch, channels, height * scale, width * scale)


def _convolution(
    inputs: int, outputs: int, generator: torch.Generator, gain: float = 1.0
) -> nn.Conv2d:
    # PyTorch's own first parameters would be drawn from the caller's random numbers.
    convolution: nn.Conv2d = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Conv2d, inputs, outputs, 3, padding=1
    )
    std = gain * (2 / (9 * inputs)) ** 0.5
    nn.init.normal_(convolution.weight, std=std, generator=generator)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution
