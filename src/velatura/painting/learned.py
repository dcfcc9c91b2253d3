"""Learned updates: a small network that says where to go, from the gradient and what it has seen.

The objective gives its exact gradient; a network that knows what photographs and strokes look like
makes more of it than L-BFGS does. As a painting enters through the gradient alone, one network
serves every painting, photograph, mask and strength (Putzky and Welling, *Recurrent inference
machines for solving inverse problems*, 2017; Puy and Pérez, *A flexible convolutional solver for
fast style transfers*, CVPR 2019).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.painting.optimizers import frequency_falloff

WIDTHS = (32, 48, 64, 96)  # channels from full size to an eighth
HIDDEN = 8  # channels that the network remembers from look to look
MULTIPLE = 2 ** (len(WIDTHS) - 1)  # of pixels, that the network's sides are padded to
FIRST_RATE = 0.02  # root mean square change of the first step of an untrained network
TILE = 512  # pixels a side that are looked at at once
HALO = 64  # pixels around them that they see; a test shows that they see no further


class Memory(NamedTuple):
    """What is remembered from look to look, of pictures (batch, 3, height, width)."""

    first: Tensor  # (batch, 1, 1, 1), root mean square of the first gradient, over frequency
    last: Tensor  # (batch, 3, height, width), the last move
    hidden: Tensor  # (batch, HIDDEN, height, width), in [−1, 1]


class UpdateNetwork(nn.Module):
    """A U-Net of four scales, 3×3 convolutions; its last layer begins at zero.

    Args:
        seed: of the first weights.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        pairs = list(zip(WIDTHS, WIDTHS[1:], strict=False))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.enter = nn.Conv2d(14 + HIDDEN, WIDTHS[0], 3)
            self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2) for a, b in pairs)
            self.middle = nn.ModuleList(nn.Conv2d(b, b, 3) for _, b in pairs)
            self.up = nn.ModuleList(nn.Conv2d(a + b, a, 3) for a, b in pairs)
            self.leave = nn.Conv2d(WIDTHS[0], 3 + HIDDEN, 3)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)
        self.rate = nn.Parameter(torch.tensor(FIRST_RATE))
        self.reach = nn.Parameter(torch.tensor(0.1))

    def forward(self, seen: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """(batch, 14 + HIDDEN, height, width) to (batch, 3 + HIDDEN, height, width).

        Height and width are multiples of MULTIPLE; convolutions are in `dtype`, the result is in
        float32.
        """
        x = seen.to(dtype, memory_format=torch.channels_last)
        x, kept = F.silu(_convolved(self.enter, x)), []
        for down, middle in zip(self.down, self.middle, strict=True):
            kept.append(x)
            x = F.silu(_convolved(down, x))
            x = x + F.silu(_convolved(middle, x))
        for up, before in zip(reversed(self.up), reversed(kept), strict=True):
            x = torch.cat([F.interpolate(x, scale_factor=2.0), before], 1)
            x = F.silu(_convolved(up, x))
        return _convolved(self.leave, x).float()


def _convolved(layer: nn.Module, x: Tensor) -> Tensor:
    """Convolution in the type of `x`, what is beyond the border like the border."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype), layer.stride)


def update(
    network: UpdateNetwork,
    image: Tensor,
    gradient: Tensor,
    memory: Memory | None = None,
    dtype: torch.dtype = torch.float32,
    tile: int | None = None,
) -> tuple[Tensor, Memory]:
    """The next image (batch, 3, height, width), and what is to be remembered.

    `memory` is what the last update of the same pictures gave. Of pictures of more than `tile`
    pixels a side so many are looked at at once. Parameters, image and memory may be differentiated
    through; the gradient is taken as given.
    """
    size = (image.shape[-2], image.shape[-1])
    smooth = torch.fft.irfft2(
        torch.fft.rfft2(gradient) * frequency_falloff(size, 1.0, image.device), s=size
    )
    length = _rms(smooth)
    if memory is None:
        hidden = image.new_zeros(len(image), HIDDEN, *size)
        memory = Memory(length, torch.zeros_like(image), hidden)
    smooth = smooth / length
    relative = (length / memory.first).log().clamp(-4, 4) / 4
    last, steepness = memory.last.detach(), _rms(gradient)
    agreement = (gradient * last).mean((1, 2, 3), keepdim=True) / (steepness * _rms(last))

    def seen(part: Tensor) -> Tensor:
        image, smooth, gradient, last, hidden = part.split([3, 3, 3, 3, HIDDEN], 1)
        everywhere = image[:, :1]
        return torch.cat(
            [
                image - 0.5,
                smooth,
                torch.asinh(gradient / steepness),
                last / FIRST_RATE,
                relative.expand_as(everywhere),
                agreement.expand_as(everywhere),
                hidden,
            ],
            1,
        )

    shown = (image, smooth, gradient, memory.last, memory.hidden)
    found = _in_tiles(lambda part: network(seen(part), dtype), shown, tile)
    much = (length / memory.first).sqrt()
    move = much * (network.reach * found[:, :3] - network.rate * smooth)
    hidden = torch.tanh(memory.hidden / 2 + found[:, 3:])
    return image + move, Memory(memory.first, move, hidden)


class LearnedUpdates:
    """A network's updates as an optimiser. See `velatura.painting.optimizers.Optimizer`.

    Args:
        network: that makes them.
        dtype: of its convolutions.
        learning_rate: times the network's own moves.
    """

    def __init__(
        self, network: UpdateNetwork, dtype: torch.dtype, learning_rate: float = 1.0
    ) -> None:
        self.network, self.dtype, self.learning_rate = network, dtype, learning_rate
        self.memory: Memory | None = None

    @torch.no_grad()
    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """The next image, from the gradient at this one."""
        network = self.network.to(image.device)
        moved, self.memory = update(network, image, gradient, self.memory, self.dtype, TILE)
        if self.learning_rate == 1:
            return moved
        self.memory = self.memory._replace(last=self.memory.last * self.learning_rate)
        return image + self.memory.last

    def state(self) -> dict[str, Tensor]:
        """The first gradient's length, the last move and what the network remembers."""
        return {} if self.memory is None else self.memory._asdict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        if state:
            self.memory = Memory(**state)

    def forget(self) -> None:
        """Let go of all of it."""
        self.memory = None


def _rms(tensor: Tensor) -> Tensor:
    """Root mean square of each picture, (batch, 1, 1, 1), never zero."""
    return tensor.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-20)


def _in_tiles(
    look: Callable[[Tensor], Tensor], shown: Sequence[Tensor], tile: int | None
) -> Tensor:
    """What `look` makes of what is `shown`, of any size, side by side, a tile at a time."""
    height, width = shown[0].shape[-2:]
    if tile is None or max(height, width) <= tile + HALO:
        tile = MULTIPLE * max(height, width)
    rows = []
    for top, bottom, upper, lower in _cuts(height, tile):
        row = []
        for left, right, first, end in _cuts(width, tile):
            part = torch.cat([image[..., upper:lower, first:end] for image in shown], 1)
            missing = (0, -part.shape[-1] % MULTIPLE, 0, -part.shape[-2] % MULTIPLE)
            found = look(F.pad(part, missing, mode="replicate") if any(missing) else part)
            row.append(found[..., top - upper : bottom - upper, left - first : right - first])
        rows.append(torch.cat(row, 3) if len(row) > 1 else row[0])
    return torch.cat(rows, 2) if len(rows) > 1 else rows[0]


def _cuts(length: int, tile: int) -> Iterator[tuple[int, int, int, int]]:
    """Begin and end of each tile, and of what it sees; all multiples of MULTIPLE but the last."""
    for begin in range(0, length, tile):
        end = min(begin + tile, length)
        yield begin, end, max(0, begin - HALO), min(length, end + HALO)
