"""Coarse to fine: the painting as a generator of steps."""

import functools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from velatura.errors import ConfigError, DivergenceError, ImageError
from velatura.images.color import with_lightness
from velatura.images.io import ImageLike, png, read
from velatura.images.resize import fit, gaussian_blur, resize
from velatura.painting import optimizers
from velatura.painting.checkpoint import State
from velatura.painting.config import EFFORTS, FOCUS_LAYER, StyleConfig
from velatura.painting.inputs import read_inputs, smallest_side
from velatura.painting.memory import limit_bytes, plan_memory
from velatura.painting.objective import Objective
from velatura.painting.terms import Terms
from velatura.painting.workers import process_group
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.saliency import saliency
from velatura.perception.vgg import VGG19

COARSEST_LONG_SIDE = 128
MATCHED_EVERY = 100  # steps, of neighbours
CHECKED_EVERY = 10  # steps, on other devices than CPUs, for numbers that are not finite
ALONE = 48  # steps of one scale alone
STEPS = (24, 14, 8, 6, 4, 3)  # from the coarsest scale on; large forms settle first


class Scale(NamedTuple):
    """One stage of the painting: its size (height, width) in pixels and its number of steps."""

    size: tuple[int, int]
    steps: int


@dataclass(frozen=True, repr=False)
class Step:
    """Where the painting stands after a step.

    `terms` are the weighted losses of the image that the step started from; their sum is `loss`.
    What a step tells is read from the device when it is asked for, and not before.
    """

    number: int  # from 1
    total: int
    scale: int  # from 0, coarse to fine
    scales: tuple[Scale, ...]
    tiles: int  # that the image is seen in at this scale
    found: Terms  # the terms as the device has them
    seconds: float  # since the painting began
    latent: Tensor  # (1, 3, height, width) at this scale's size, as the optimiser has it
    optimizer: optimizers.Optimizer  # live: it changes with the next step
    colors: Tensor | None = None  # the photograph at this size, if its colours are to be kept
    alpha: Tensor | None = None  # the photograph's, (1, 1, height, width) at the finest size
    nearest: tuple[Tensor, ...] = ()  # of each style, see `NeighborTerm`

    @functools.cached_property
    def terms(self) -> dict[str, float]:
        """The weighted losses by name."""
        return {name: float(term) for name, term in self.found.items()}

    def check(self) -> None:
        """Raise DivergenceError if the picture has numbers that are not finite."""
        if not torch.isfinite(self.latent).all():
            raise DivergenceError(
                f"the painting diverged at step {self.number}: expected finite numbers; "
                "smaller weights or a smaller learning rate will do"
            )

    @property
    def image(self) -> Tensor:
        """The picture so far, (1, 3, height, width) at this scale's size, in [0, 1].

        Raises DivergenceError if there is none.
        """
        if self.latent.device.type != "cpu":  # there each step is looked at by itself
            self.check()
        painted = self.latent.clamp(0, 1)
        return painted if self.colors is None else with_lightness(self.colors, painted)

    def state(self) -> State:
        """What it takes to go on from here; ask before the next step is taken.

        Raises DivergenceError as `image` does.
        """
        self.check()
        return State(self.number, self.seconds, self.latent, self.optimizer.state(), self.nearest)

    @property
    def loss(self) -> float:
        """The sum of the terms."""
        return sum(self.terms.values())

    def __repr__(self) -> str:
        height, width = self.scales[self.scale].size
        return f"Step({self.number} of {self.total}, {width}×{height}, loss {self.loss:.4g})"

    def _repr_png_(self) -> bytes:
        return png(self.image)

    @property
    def visited(self) -> tuple[int, int]:
        """Pixels visited so far, and in all: a measure of the work done."""
        visits = [scale.steps * scale.size[0] * scale.size[1] for scale in self.scales]
        done_before = sum(scale.steps for scale in self.scales[: self.scale])
        height, width = self.scales[self.scale].size
        return (
            sum(visits[: self.scale]) + (self.number - done_before) * height * width,
            sum(visits),
        )

    @property
    def seconds_left(self) -> int:
        """A guess from the pixels visited so far."""
        done, total = self.visited
        return round(self.seconds / done * (total - done))


def plan(size: tuple[int, int], config: StyleConfig) -> tuple[Scale, ...]:
    """The scales, coarse to fine, for a photograph of `size` (height, width) pixels.

    Raises:
        ImageError: the picture would be too narrow for the network.
        ConfigError: there are more numbers of steps than scales.
    """
    finest = fit(size, min(config.size, max(size)))
    smallest = smallest_side(config)
    if min(finest) < smallest:
        raise ImageError(
            f"expected a picture of at least {smallest} pixels a side, got "
            f"{finest[1]}×{finest[0]} (from a photograph of {size[1]}×{size[0]})"
        )
    count = 1
    if not config.single_scale:
        count = len(config.steps)
        if count < 2:
            count = max(1, round(math.log2(max(finest) / COARSEST_LONG_SIDE)) + 1)
    sizes = [fit(finest, round(max(finest) / 2**k)) for k in reversed(range(count))]
    sizes = [s for s in sizes if min(s) >= smallest]
    if len(config.steps) > len(sizes):
        raise ConfigError(
            f"steps: expected at most {len(sizes)} numbers for as many scales, got {config.steps}"
        )
    if len(config.steps) == len(sizes):
        steps = list(config.steps)
    else:
        steps = [STEPS[min(k, len(STEPS) - 1)] for k in range(len(sizes))]
        if len(sizes) == 1:
            steps = [ALONE]
        if config.steps:
            steps = _share_out(config.steps[0], steps)
        else:
            steps = [max(1, round(EFFORTS[config.effort].steps * number)) for number in steps]
    return tuple(Scale(s, n) for s, n in zip(sizes, steps, strict=True) if n)


def _share_out(total: int, shares: list[int]) -> list[int]:
    """`total` split in proportion to `shares`; the last part takes what rounding leaves."""
    parts = [total * share // sum(shares) for share in shares[:-1]]
    return [*parts, total - sum(parts)]


@torch.inference_mode(False)  # whatever the caller is in: gradients are needed
def transfer(
    content: ImageLike,
    styles: "ImageLike | Iterable[ImageLike]",
    config: StyleConfig | None = None,
    *,
    masks: "ImageLike | Iterable[ImageLike]" = (),
    style_masks: "ImageLike | Iterable[ImageLike]" = (),
    initial: "ImageLike | None" = None,
    state: State | None = None,
) -> Iterator[Step]:
    """Paint `content` in the style of `styles`, one image or several, yielding each step.

    With `masks` each style goes where its own is white, and of each style counts what its own of
    `style_masks` shows: one image for each style, in place of those that `config` names.
    It begins with what `config.init` says, or with the image `initial`.
    Close the generator or stop asking at any time: the last step's image is a usable picture.
    After `config.max_seconds` it ends by itself. On one machine with one number of threads, the
    same arguments give the same images bit for bit. From a `state` of the same painting
    (`velatura.painting.checkpoint`) it goes on exactly there, for as many seconds again.
    Under `torchrun`, or within a process group of torch.distributed, the processes share the work
    and yield the same steps.

    Raises:
        ImageError, ConfigError, WeightsError: when the first step is asked for.
        DivergenceError: the loss or its gradient is no finite number any more.
        WorkerError: a process that shares the work has ended.
    """
    config = (config or StyleConfig()).at_effort()
    called = time.monotonic()
    began = called - (state.seconds if state else 0)
    device = pick_device(config.device)
    workers = process_group(device)
    inputs = read_inputs(content, styles, config, device, masks, style_masks).recoloured(config)
    scales = plan((inputs.content.shape[-2], inputs.content.shape[-1]), config)
    if state:
        state.check(scales, config.optimizer)
    inputs = inputs.at(scales[-1].size, config)  # what is larger than the picture can go
    network = VGG19(
        weights.load(config.weights),
        config.layers,
        pooling=config.pooling,
        padding=config.padding,
        device=device,
        dtype=pick_dtype(config.precision, device),
    )
    memory = workers.broadcast_number(limit_bytes(config.memory, device))
    configs = [
        config.at_scale(max(scale.size), index == 0, index == len(scales) - 1)
        for index, scale in enumerate(scales)
    ]
    plan_memory(
        scales[-1].size, scales[-1].steps, configs[-1], network.dtype, memory
    )  # raises early
    focus = None
    if config.has_focus:
        places = saliency(network, inputs.content, FOCUS_LAYER)
        focus = workers.broadcast(torch.lerp(torch.ones_like(places), places, config.content_focus))
    image = state.image.to(device) if state else None
    number = state.number if state else 0
    # Elsewhere the host would wait for the device.
    checked_every = 1 if device.type == "cpu" else CHECKED_EVERY
    for index, scale in enumerate(scales):
        done_here = number - sum(before.steps for before in scales[:index])
        if done_here >= scale.steps:
            continue
        now = inputs.at(scale.size, config)
        room = plan_memory(scale.size, scale.steps, configs[index], network.dtype, memory)
        objective = Objective(
            network,
            now.content,
            now.styles,
            configs[index],
            room.tile_pixels,
            workers,
            now.masks,
            now.style_masks,
            focus,
        )
        if image is None:
            image = start(config, now.content, now.styles, initial)
        image = resize(image, scale.size)
        optimizer = optimizers.build(config, room.history)
        if state and done_here:
            optimizer.restore({name: t.to(device) for name, t in state.optimizer.items()})
            objective.neighbors.restore([places.to(device) for places in state.nearest])
        for step in range(done_here, scale.steps):
            if step % MATCHED_EVERY == 0:
                objective.match(torch.lerp(now.content, image.clamp(0, 1), config.matched_share))
            terms, gradient = objective(image)
            moved = optimizer.step(image, gradient)
            number += 1
            image = moved
            now_at = Step(
                number=number,
                total=sum(s.steps for s in scales),
                scale=index,
                scales=scales,
                tiles=objective.tiles,
                found=terms,
                seconds=time.monotonic() - began,
                latent=image,
                optimizer=optimizer,
                colors=now.colors,
                alpha=inputs.alpha,
                nearest=tuple(objective.neighbors.nearest),
            )
            if (step + 1) % checked_every == 0 or step + 1 == scale.steps:
                now_at.check()
            yield now_at
            del gradient, moved, now_at
            if (
                config.max_seconds
                and workers.broadcast_number(time.monotonic() - called) > config.max_seconds
            ):
                return
        # The caller still holds the last step, and with it the optimiser.
        optimizer.forget()
        del objective, now


def start(
    config: StyleConfig,
    content: Tensor,
    styles: Sequence[Tensor],
    initial: "ImageLike | None" = None,
) -> Tensor:
    """The first image (1, 3, height, width), of the size of `content`."""
    size = (content.shape[-2], content.shape[-1])
    if initial is not None:
        return resize(read(initial, max(size)).pixels.to(content), size)
    if config.init == "content":
        return content.clone()
    if config.init in ("noise", "blurred-noise"):
        generator = torch.Generator().manual_seed(config.seed)
        noise = torch.rand(content.shape, generator=generator).to(content)
        return noise if config.init == "noise" else gaussian_blur(noise, sigma=2.0)
    if config.init in ("white", "gray"):
        return torch.full_like(content, 1.0 if config.init == "white" else 0.5)
    if config.init == "blur":
        return gaussian_blur(content, sigma=max(size) / 40)
    if config.init == "style" and styles:
        return resize(styles[0], size)
    picture = read(Path(config.init), max(size), config.max_pixels)
    return resize(picture.pixels.to(content), size)
