"""How frames are painted: by optimisation, or in one pass."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch

from velatura.fast.painter import Painter
from velatura.images.io import ImageLike
from velatura.painting.config import StyleConfig
from velatura.painting.engine import Step
from velatura.painting.frames import FramePainter
from velatura.painting.image_terms import Earlier
from velatura.video.carrying import Carried, detail, with_detail
from velatura.video.flow import Array
from velatura.video.reading import Frame, Pixels

TEMPORAL_WEIGHT = 400.0  # of the mean squared difference to what is carried
SHARP = 0.5  # share of what is painted where things move: carrying alone would blur
SHARP_ONE_PASS = 0.15  # the same in one pass, where every frame is painted by itself
AT_REST = 0.5  # pixels a frame, at which a place counts as half at rest
NOTHING_NEW = 1 / 512  # of the picture to be painted: less than a grey level


class FilmPainter(Protocol):
    """What paints the frames of a film in their order."""

    def paint(
        self, frame: Frame, carried: Carried | None, on_step: Callable[[Step], object]
    ) -> Pixels:
        """Paint a frame with what is carried of earlier ones; nothing is at the start of a shot."""

    def skip(self, frame: Frame, starts: bool) -> None:
        """Pass a frame that is painted already; `starts` if a shot does."""


class Optimised:
    """Paints by optimisation; `config` of a time may differ in strength and blend."""

    def __init__(
        self,
        styles: Sequence[ImageLike],
        config: StyleConfig,
        at: Callable[[float], StyleConfig],
        steps: int,
        steadiness: float,
    ) -> None:
        self.painter = FramePainter(styles, config)
        self.at, self.steps, self.steadiness = at, steps, steadiness
        self.before: StyleConfig | None = None

    def paint(
        self, frame: Frame, carried: Carried | None, on_step: Callable[[Step], object]
    ) -> Pixels:
        """Paint a frame; `on_step` sees the steps of the first one of a shot."""
        config, pixels = self.at(frame.seconds), _tensor(frame.pixels)
        changed, self.before = config != self.before, config
        if carried is None:
            for step in self.painter.begin(pixels, config):
                on_step(step)
            return _pixels(step.image)
        fresh = share_painted(carried, 1.0 if changed else SHARP, self.steadiness)
        if float(fresh.mean()) < NOTHING_NEW:
            return _bytes(carried.image)
        earlier = Earlier(
            _tensor(carried.image),
            torch.from_numpy(carried.weights)[None, None],
            TEMPORAL_WEIGHT * self.steadiness * (0.1 if changed else 1.0),
        )
        painted = self.painter.go_on(pixels, earlier, config, self.steps)
        return _mixed(carried.image, painted, fresh)

    def skip(self, frame: Frame, starts: bool) -> None:
        """Pass a frame that is painted already."""
        self.before = self.at(frame.seconds)
        if starts:
            self.painter.look(_tensor(frame.pixels), self.before)


class OnePass:
    """Paints in one pass, and blends with what is carried where that holds."""

    def __init__(
        self,
        style: str,
        config: StyleConfig,
        at: Callable[[float], float],
        steadiness: float,
    ) -> None:
        self.painter = Painter(style, 1.0, config.colors, config.device, config.precision)
        self.at, self.steadiness = at, steadiness
        self.before: float | None = None

    def paint(
        self, frame: Frame, carried: Carried | None, on_step: Callable[[Step], object]
    ) -> Pixels:
        """Paint a frame."""
        self.painter.strength = strength = self.at(frame.seconds)
        changed, self.before = strength != self.before, strength
        painted = np.asarray(self.painter.paint(frame.pixels))
        if carried is None:
            return painted
        sharp = SHARP if changed else SHARP_ONE_PASS
        return _mixed(
            carried.image, _tensor(painted), share_painted(carried, sharp, self.steadiness)
        )

    def skip(self, frame: Frame, starts: bool) -> None:
        """Pass a frame that is painted already."""
        self.before = self.at(frame.seconds)


def share_painted(carried: Carried, sharp: float, steadiness: float) -> Array:
    """How much of what is painted a place gets, (height, width); the rest is carried.

    All where nothing is carried, nothing where all is at rest, `sharp` where things move.
    """
    moves = 1 - np.exp(-((carried.speed / AT_REST) ** 2))
    return np.asarray(1 - steadiness * carried.weights * (1 - sharp * moves), dtype=np.float32)


def _mixed(carried: Array, painted: torch.Tensor, share: Array) -> Pixels:
    """Both blended, with the detail that each has: averaging takes some of it away."""
    fresh = painted[0].permute(1, 2, 0).cpu().numpy()
    blended = carried + share[..., None] * (fresh - carried)
    here = detail(carried)
    return _bytes(with_detail(blended, here + share * (detail(fresh) - here)))


def _tensor(pixels: "Pixels | Array") -> torch.Tensor:
    tensor = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None]
    return tensor.float() / 255 if pixels.dtype == np.uint8 else tensor.float()


def _pixels(image: torch.Tensor) -> Pixels:
    return _bytes(image[0].permute(1, 2, 0).cpu().numpy())


def _bytes(image: Array) -> Pixels:
    return np.ascontiguousarray(np.rint(image.clip(0, 1) * 255).astype(np.uint8))
