"""How large the tiles may be, and how long L-BFGS's history, within a limit of memory."""

import os
from collections.abc import Collection
from typing import NamedTuple

import torch

from velatura.errors import ConfigError
from velatura.machine import available_bytes
from velatura.painting.config import StyleConfig
from velatura.painting.learned import TILE
from velatura.painting.stages import CUTS, first_pixels
from velatura.perception.layers import LAYERS, channels, geometry

# Measured on CPUs as growth of the resident set, rounded up.
PROGRAM_BYTES = 600_000_000  # Python, torch and the network
NETWORK_BYTES = {torch.bfloat16: 1500, torch.float32: 2600}  # a pixel seen, forward and backward
IMAGE_BYTES = 12  # a pixel of an image, float32
IMAGES = 6  # photograph, picture, gradients: held throughout
STEP_IMAGES = 6  # held while the optimiser steps, when the network sees nothing
LEARNED_IMAGES = 3  # that a learned optimiser remembers beside L-BFGS
LEARNED_STEP_IMAGES = 24  # held while it steps
LEARNED_BYTES = 500_000_000  # of its network, at a tile
NEIGHBORS_BYTES = 350_000_000  # the styles' features, and similarities at once, at most
NEIGHBORS_PIXELS = 256 * 256  # of a picture from which on four styles, as large as it, take that
ERROR_BYTES = 26  # a number of features seen: its target, the difference, the gradient
COMPONENTS_BYTES = 24  # a pixel of an image: what is compared with them
USABLE = 0.8  # of the limit; allocators keep some of what was given back to them
HISTORY = 50  # pairs of image and gradient differences, where there is room
SMALLEST_WINDOW = 300 * 300  # pixels; below it windows are mostly halo


class MemoryPlan(NamedTuple):
    """What one scale may use: pixels in the first stage's window (None: all), pairs of history."""

    tile_pixels: int | None
    history: int


def plan_memory(
    size: tuple[int, int], steps: int, config: StyleConfig, dtype: torch.dtype, limit: float
) -> MemoryPlan:
    """Divide `limit` bytes for a picture of `size` (height, width).

    Raises:
        ConfigError: the limit is too low for the size; says how much is needed.
    """
    limit = limit * USABLE
    pixels = size[0] * size[1]
    fixed = PROGRAM_BYTES + pixels * (IMAGES * IMAGE_BYTES + _bytes(config.content_layers, dtype))
    window, matching = float(NETWORK_BYTES[dtype]), 0
    if config.neighbor_weight:
        held = [channels(name) / geometry(name).stride ** 2 for name in config.neighbor_layers]
        window += ERROR_BYTES * max(held, default=0)
        styles = pixels * config.stroke_size**2
        fixed += NEIGHBORS_BYTES * min(1, styles / NEIGHBORS_PIXELS)
        matching = COMPONENTS_BYTES * pixels
    pair = 2 * IMAGE_BYTES * pixels if config.optimizer != "adam" else 0
    history = min(HISTORY, steps)
    step: float = STEP_IMAGES * IMAGE_BYTES * pixels
    if config.optimizer == "learned":
        fixed += LEARNED_IMAGES * IMAGE_BYTES * pixels
        step = LEARNED_STEP_IMAGES * IMAGE_BYTES * pixels + LEARNED_BYTES * min(1, pixels / TILE**2)
    left = limit - fixed
    if left >= max(window * pixels, step) + history * pair:
        return MemoryPlan(None, history)
    deepest = max(map(LAYERS.index, config.loss_layers), default=0)
    cuts = [cut for cut in CUTS if LAYERS.index(cut) < deepest]
    pools = 2 * pixels * _bytes(cuts, dtype)  # what stages begin with, and gradients there
    smallest = pools + matching + window * min(pixels, SMALLEST_WINDOW)
    needed = max(smallest, step) + pair
    if left < needed:
        raise ConfigError(
            f"memory: expected at least {(fixed + needed) / USABLE / 1e9:.1f}GB to paint "
            f"{size[1]}×{size[0]}, got {limit / USABLE / 1e9:.1f}GB; a smaller size needs less"
        )
    if pair:
        spare = min(0.3 * left, left - max(smallest, step))
        history = max(1, min(history, int(spare / pair)))
    room = (left - history * pair - pools - matching) / window
    return MemoryPlan(first_pixels(pixels, room), history)


def limit_bytes(memory: str, device: torch.device) -> float:
    """`6GB`, `800MB` or `auto`, which is what is free on `device`, in bytes.

    On a CPU the limits of containers count. Processes that `torchrun` started on one machine
    share what is free.
    """
    if memory != "auto":
        number, unit = memory[:-2], memory[-2]  # StyleConfig has checked the form
        return float(number) * (1e9 if unit.upper() == "G" else 1e6)
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return 0.9 * available_bytes() / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _bytes(layers: Collection[str], dtype: torch.dtype) -> float:
    """Bytes that features at `layers` take for a pixel of the image."""
    return dtype.itemsize * sum(channels(name) / geometry(name).stride ** 2 for name in layers)
