"""Learned updates: a small network that says where to go, from the gradient and what it has seen.

The objective gives its exact gradient; a network that knows what photographs and strokes look like
makes more of it than L-BFGS does. As a painting enters through the gradient alone, one network
serves every painting, photograph, mask and strength (Putzky and Welling, *Recurrent inference
machines for solving inverse problems*, 2017; Puy and Pérez, *A flexible convolutional solver for
fast style transfers*, CVPR 2019).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from velatura.painting.optimizers import FIRST_STEP, LBFGS, over_frequency

WIDTHS = (32, 48, 64, 96)  # channels from full size to an eighth
SEEN = 17  # channels of image, gradient, last move, direction and two numbers
HIDDEN = 8  # channels that the network remembers from look to look
MULTIPLE = 2 ** (len(WIDTHS) - 1)  # of pixels, that the network's sides are padded to
MOST = 4.0  # times the length of L-BFGS's step, that a pixel is moved beside it
TILE = 512  # pixels a side that are looked at at once
HALO = 64  # pixels around them that they see; a test shows that they see no further


class _Convolution(nn.Conv2d):
    """In the type of what it is shown; what is beyond the border is like the border."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.conv2d(x, self.weight.to(x.dtype), bias, self.stride)


class UpdateNetwork(nn.Module):
    """A U-Net of four scales, 3×3 convolutions; its last layer begins at zero.

    Args:
        seed: of the first weights.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        pairs = list(pairwise(WIDTHS))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.enter = _Convolution(SEEN + HIDDEN, WIDTHS[0], 3)
            self.down = nn.ModuleList(_Convolution(a, b, 4, 2) for a, b in pairs)
            self.middle = nn.ModuleList(_Convolution(b, b, 3) for _, b in pairs)
            self.up = nn.ModuleList(_Convolution(a + b, a, 3) for a, b in pairs)
            self.leave = _Convolution(WIDTHS[0], 3 + HIDDEN, 3)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)
        self.gain = nn.Parameter(torch.tensor(1.0))  # of L-BFGS's direction

    def forward(self, seen: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """(batch, SEEN + HIDDEN, height, width) to (batch, 3 + HIDDEN, height, width).

        Height and width are multiples of MULTIPLE; convolutions are in `dtype`, the result is in
        float32.
        """
        x = seen.to(dtype, memory_format=torch.channels_last)
        x, kept = F.silu(self.enter(x)), []
        for down, middle in zip(self.down, self.middle, strict=True):
            kept.append(x)
            x = F.silu(down(x))
            x = x + F.silu(middle(x))
        for up, before in zip(reversed(self.up), reversed(kept), strict=True):
            x = torch.cat([F.interpolate(x, scale_factor=2.0), before], 1)
            x = F.silu(up(x))
        found: Tensor = self.leave(x)
        return found.float()


class LearnedUpdates:
    """What a network makes of L-BFGS's steps. See `velatura.painting.optimizers.Optimizer`.

    L-BFGS learns the curvature from the moves that are made, and says where it would go; the
    network sees that beside image, gradient and last move, and adds to it. Untrained it adds
    nothing.

    Args:
        network: that looks.
        dtype: of its convolutions.
        lbfgs: whose steps it begins with, fresh.
        tile: pixels a side of larger pictures that are looked at at once.
    """

    def __init__(
        self, network: UpdateNetwork, dtype: torch.dtype, lbfgs: LBFGS, tile: int = TILE
    ) -> None:
        self.network, self.dtype, self.lbfgs, self.tile = network, dtype, lbfgs, tile
        self.hidden: Tensor | None = None  # (1, HIDDEN, height, width), in [−1, 1]

    @torch.no_grad()
    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """The next image, from the gradient at this one."""
        return self.look(image, gradient)

    def look(self, image: Tensor, gradient: Tensor) -> Tensor:
        """The same, to be differentiated through by image, parameters and what is remembered.

        The gradient is taken as given, and so is what L-BFGS makes of it.
        """
        self.network.to(image.device)
        before = self.lbfgs.previous
        last = torch.zeros_like(image) if before is None else image - before[0]
        with torch.no_grad():
            direction = self.lbfgs.step(image.detach(), gradient) - image.detach()
            length, steepness = _rms(direction), _rms(gradient)
            numbers = torch.stack(
                [(length / FIRST_STEP).log() / 2, _agreement(last, gradient)]
            ).view(1, 2, 1, 1)
            smooth = over_frequency(gradient)
            smooth = smooth / _rms(smooth)
        if self.hidden is None:
            self.hidden = image.new_zeros(1, HIDDEN, *image.shape[2:])

        def seen(part: Tensor) -> Tensor:
            image, smooth, gradient, last, direction, hidden = torch.split(
                part, [3] * 5 + [HIDDEN], 1
            )
            shown = [
                image - 0.5,
                smooth,
                torch.asinh(gradient / steepness),
                torch.asinh(last / length),
                direction / length,
                numbers.expand(-1, -1, *part.shape[2:]),
                hidden,
            ]
            return self.network(torch.cat(shown, 1), self.dtype)

        shown = (image, smooth, gradient, last, direction, self.hidden)
        found = _in_tiles(seen, shown, self.tile)
        self.hidden = torch.tanh(self.hidden / 2 + found[:, 3:])
        added = length * MOST * torch.tanh(found[:, :3] / MOST)
        return image + self.network.gain * direction + added

    def detach(self) -> None:
        """Differentiate no further back than here."""
        self.hidden = None if self.hidden is None else self.hidden.detach()

    def state(self) -> dict[str, Tensor]:
        """L-BFGS's, and what the network remembers."""
        return self.lbfgs.state() | ({} if self.hidden is None else {"hidden": self.hidden})

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self.hidden = state.get("hidden")
        self.lbfgs.restore({name: tensor for name, tensor in state.items() if name != "hidden"})

    def forget(self) -> None:
        """Let go of all of it."""
        self.hidden = None
        self.lbfgs.forget()


def _rms(tensor: Tensor) -> Tensor:
    """Root mean square, never zero."""
    return tensor.square().mean().sqrt().clamp_min(1e-20)


def _agreement(one: Tensor, other: Tensor) -> Tensor:
    """Cosine of two images, 0 where one is nothing."""
    return (one * other).mean() / (_rms(one) * _rms(other))


def _in_tiles(look: Callable[[Tensor], Tensor], shown: Sequence[Tensor], tile: int) -> Tensor:
    """What `look` makes of what is `shown`, of any size, side by side, a tile at a time."""
    height, width = shown[0].shape[-2:]
    if max(height, width) <= tile + HALO:
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
