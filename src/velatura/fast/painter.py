"""Paint photographs in a learnt style, with PyTorch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import torch
from PIL import Image
from torch import Tensor

from velatura.errors import ImageError
from velatura.fast.layers import SMALLEST_SIDE
from velatura.fast.options import PaintOptions, settings
from velatura.fast.styles import load
from velatura.images.color import match_colors, with_lightness
from velatura.images.io import ImageLike, name_of, read, to_pil
from velatura.images.resize import fit, resize
from velatura.perception.devices import pick_device, pick_dtype


class Painter:
    """A style, ready to paint.

    Args:
        style: the name of a shipped style, or the path of a file.
        strength: from the photograph (0) to the painted picture (1).
        colors: `style`, `content-luminance` or `content-match`, as for `velatura.stylize`.
        device, precision: where and in what the network runs.

    Raises:
        ConfigError, WeightsError: there is no such style, or it is damaged.
    """

    def __init__(
        self,
        style: str,
        strength: float = 1.0,
        colors: str = "style",
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.options = PaintOptions(
            strength=strength,
            colors=cast(Any, colors),
            device=device,
            precision=cast(Any, precision),
        )
        learnt = load(style)
        self.style = style
        self.card, self.strength, self.colors = learnt.card, strength, colors
        self.device = pick_device(device)
        self.dtype = pick_dtype(precision, self.device)
        self.network = learnt.network.to(self.device)

    def __call__(self, image: ImageLike, size: int | None = None) -> Image.Image:
        """`paint`, as functions are called."""
        return self.paint(image, size)

    def to(self, device: str) -> "Painter":
        """Move the network to a device; returns itself."""
        self.device = pick_device(device)
        self.network.to(self.device)
        return self

    def paint(
        self,
        photograph: ImageLike,
        size: int | None = None,
        on_progress: Callable[[float], None] = lambda done: None,
    ) -> Image.Image:
        """Paint a photograph, `size` pixels on its long side if that is less than it has.

        RGBA if the photograph is partly transparent. Its `info["velatura"]` says how it was made.
        `on_progress` is told the share done.

        Raises ImageError if it cannot be read, or is less than 16 pixels a side.
        """
        picture = read(photograph, size)
        goal = fit(picture.size, min(size or max(picture.size), max(picture.size)))
        if min(goal) < SMALLEST_SIDE:
            raise ImageError(
                f"expected a photograph of at least {SMALLEST_SIDE} pixels a side, got "
                f"{goal[1]}×{goal[0]}"
            )
        pixels = resize(picture.pixels, goal).to(self.device)
        alpha = None if picture.alpha is None else resize(picture.alpha, goal)
        painted = self._mix(self.network.paint(pixels, on_progress, self.dtype), pixels, alpha)
        image = to_pil(painted, alpha)
        options = replace(self.options, size=size or 0)
        image.info["velatura"] = settings(name_of(photograph), self.style, options, self.card)
        return image

    def _mix(self, painted: Tensor, photograph: Tensor, alpha: Tensor | None) -> Tensor:
        if self.colors == "content-luminance":
            painted = with_lightness(photograph, painted)
        elif self.colors == "content-match":
            painted = match_colors(painted, photograph, alpha, alpha).clamp(0, 1)
        return torch.lerp(photograph, painted, self.strength)
