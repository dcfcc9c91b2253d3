"""What earlier painted frames say of the next one: carried along the flow, the nearest first."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from velatura.video.flow import Array, Motion, is_cut, motion, opencv, warp
from velatura.video.reading import Frame, Pixels

DISTANCES = (1, 4, 12)  # frames back, at which what was hidden is looked for
FINE, NEAR = 1.5, 4.0  # pixels: sigmas of what is coarse, and of a place
MOST_GAIN = 1.5  # of fine structure
TINY = 1e-6  # of the mean square of fine structure: nothing is to be seen
HIDDEN = 0.01  # share of a frame without flow from which on earlier frames are asked


class Moved(NamedTuple):
    """A frame with where its pixels were in earlier ones."""

    frame: Frame
    motions: tuple[tuple[int, Motion], ...]  # by distance in frames; none begins a shot


class Carried(NamedTuple):
    """The new frame as far as earlier ones show it."""

    image: Array  # (height, width, 3) in [0, 1]
    weights: Array  # (height, width) in [0, 1]: how far it is to be relied on
    speed: Array  # (height, width): pixels that it moved since the last frame


def moved(frames: Iterable[Frame]) -> Iterator[Moved]:
    """Each frame with its motions. What the last frame lacks is sought in earlier ones.

    Ruder et al. 2016, section 4.2: a nearer frame has precedence over one farther back.
    """
    earlier: deque[Pixels] = deque(maxlen=max(DISTANCES))
    for frame in frames:
        motions: list[tuple[int, Motion]] = []
        known = np.zeros(frame.pixels.shape[:2], np.float32)
        for distance in DISTANCES:
            if distance > len(earlier) or (motions and float(1 - known.mean()) < HIDDEN):
                break
            found = motion(frame.pixels, earlier[-distance])
            if distance == 1 and is_cut(found):
                earlier.clear()
                break
            # Ruder et al. 2018, eq. 7.
            weights = np.maximum(found.weights - known, 0)
            motions.append((distance, Motion(found.flow, weights)))
            known += weights
        yield Moved(frame, tuple(motions))
        earlier.append(frame.pixels)


def moved_sharply(image: Array, flow: Array) -> Array:
    """`image` moved along the flow, with the detail that resampling took away given back."""
    return with_detail(warp(image, flow), warp(detail(image), flow))


def with_detail(image: Array, wanted: Array) -> Array:
    """`image` (height, width, 3) with its fine structure as strong as `detail` of another says."""
    cv2 = opencv()
    coarse = cv2.GaussianBlur(image, (0, 0), FINE)
    gain = np.sqrt((wanted + TINY) / (detail(image) + TINY)).clip(1, MOST_GAIN)
    return np.asarray(coarse + gain[..., None] * (image - coarse))


def detail(image: Array) -> Array:
    """How strong the fine structure is in each place, (height, width): its mean square."""
    cv2 = opencv()
    fine = np.square(image - cv2.GaussianBlur(image, (0, 0), FINE)).mean(-1)
    return np.asarray(cv2.GaussianBlur(fine, (0, 0), NEAR))


class Memory:
    """The last painted frames of a shot."""

    def __init__(self) -> None:
        self.painted: deque[Pixels] = deque(maxlen=max(DISTANCES))

    def carried(self, motions: tuple[tuple[int, Motion], ...]) -> Carried | None:
        """What is known of a frame with these motions; None for the first one of a shot."""
        if not motions:
            self.forget()
            return None
        weights = np.add.reduce([found.weights for _, found in motions])
        nearest = motions[0][1].flow
        image = np.zeros((*weights.shape, 3), np.float32)
        for distance, found in motions:
            share = np.where(weights > 0, found.weights / np.maximum(weights, 1e-6), distance == 1)
            was = moved_sharply(self.painted[-distance].astype(np.float32) / 255, found.flow)
            image += share[..., None].astype(np.float32) * was
        return Carried(image.clip(0, 1), weights, np.sqrt(np.square(nearest).sum(-1)))

    def forget(self) -> None:
        """A new shot begins."""
        self.painted.clear()

    def add(self, painted: Pixels) -> None:
        """Remember a painted frame (height, width, 3)."""
        self.painted.append(painted)
