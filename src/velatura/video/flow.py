"""Optical flow between frames: where each pixel was before, and how far that can be relied on."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from velatura.extras import import_extra
from velatura.video.reading import Pixels

Array: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]

ALIKE, UNLIKE = 0.04, 0.10  # difference of colours, blurred, up to and from which flow holds or not
AT_REST = 0.1  # pixels a frame, below which a still camera's flow is noise
STILL_CAMERA = 0.05  # median of the flow's length in pixels, up to which the camera is still
CUT = 0.3  # share of a frame that has to hold, or it is another shot
DOUBTFUL = 3  # pixels a side within which one that does not hold makes its neighbours doubtful
BLURRED = 5  # pixels a side, over which colours are compared


class Motion(NamedTuple):
    """From a frame back to an earlier one."""

    flow: Array  # (height, width, 2): from each pixel to where it was, across and down
    weights: Array  # (height, width) in [0, 1]: how far that holds


def opencv() -> Any:
    """OpenCV. Raises ConfigError if it is not installed."""
    return import_extra("cv2", "video", "video")


def motion(now: Pixels, before: Pixels) -> Motion:
    """The flow of `now` back to `before`, both (height, width, 3), and where it holds.

    It does not where flow forwards and backwards disagree, at its boundaries, or outside of the
    frame (Sundaram, Brox and Keutzer 2010; Ruder, Dosovitskiy and Brox 2016, section 4.1), nor
    where colours differ.
    """
    cv2 = opencv()
    grays = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (now, before)]
    back, forth = _flow(cv2, *grays), _flow(cv2, *reversed(grays))
    length = _squared(back)
    if float(np.median(length)) < STILL_CAMERA**2:
        back[length < AT_REST**2] = 0
    across, down = _places(back)
    met = cv2.remap(forth, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    holds = _squared(back + met) <= 0.01 * (length + _squared(met)) + 0.5
    slopes = _squared(cv2.Sobel(back, -1, 1, 0, ksize=1, scale=0.5))
    slopes += _squared(cv2.Sobel(back, -1, 0, 1, ksize=1, scale=0.5))
    holds &= slopes <= 0.01 * length + 0.02
    height, width = holds.shape
    holds &= (across > -1) & (across < width) & (down > -1) & (down < height)
    weights = cv2.erode(holds.astype(np.float32), np.ones((DOUBTFUL, DOUBTFUL), np.uint8))
    was = cv2.remap(before, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    unlike = cv2.absdiff(cv2.blur(now, (BLURRED, BLURRED)), cv2.blur(was, (BLURRED, BLURRED)))
    most = cv2.max(cv2.max(*cv2.split(unlike)[:2]), cv2.split(unlike)[2]).astype(np.float32) / 255
    weights *= ((UNLIKE - most) / (UNLIKE - ALIKE)).clip(0, 1)
    weights = cv2.min(weights, cv2.GaussianBlur(weights, (0, 0), 1.5))
    return Motion(back, weights)


def warp(image: Array, flow: Array) -> Array:
    """`image` (height, width[, channels]) where `flow` says it was; borders go on beyond it."""
    cv2 = opencv()
    return np.asarray(
        cv2.remap(image, *_places(flow), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def is_cut(found: Motion) -> bool:
    """Whether so little holds that this is another shot."""
    return float(found.weights.mean()) < CUT


def _flow(cv2: Any, now: Pixels, before: Pixels) -> Array:
    """Dense inverse search (Kroeger, Timofte, Dai and Van Gool 2016)."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return np.asarray(search.calc(now, before, None))


def _places(flow: Array) -> tuple[Array, Array]:
    """Columns and rows that `flow` leads to."""
    height, width = flow.shape[:2]
    across = flow[..., 0] + np.arange(width, dtype=np.float32)
    return across, flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]


def _squared(flow: Array) -> Array:
    """The squared length of each vector."""
    return np.asarray(flow[..., 0] ** 2 + flow[..., 1] ** 2)
