"""Optical flow between frames: where each pixel was before, and how far that can be relied on."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from velatura.extras import import_extra
from velatura.video.reading import Pixels

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

ALIKE, UNLIKE = 0.04, 0.10  # difference of colours, blurred, up to and from which flow holds or not
AT_REST = 0.1  # pixels a frame, below which a still camera's flow is noise
STILL_CAMERA = 0.05  # median of the flow's length in pixels, up to which the camera is still
CUT = 0.3  # share of a frame that has to hold, or it is another shot
ISOLATED = 5  # pixels a side within which one that does not hold makes its neighbours doubtful


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
    frame (Sundaram, Brox and Keutzer 2010; Ruder, Dosovitskiy and Brox 2016, section 4.1), nor where
    colours differ.
    """
    cv2 = opencv()
    grays = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (now, before)]
    back, forth = _flow(cv2, *grays), _flow(cv2, *reversed(grays))
    length = np.square(back).sum(-1)
    if float(np.median(length)) < STILL_CAMERA**2:
        back[length < AT_REST**2] = 0
    met = warp(forth, back)
    apart = np.square(back + met).sum(-1)
    holds = apart <= 0.01 * (np.square(back).sum(-1) + np.square(met).sum(-1)) + 0.5
    slopes = np.stack([np.gradient(back, axis=axis) for axis in (0, 1)])
    holds &= np.square(slopes).sum((0, 3)) <= 0.01 * np.square(back).sum(-1) + 0.02
    height, width = holds.shape
    across = back[..., 0] + np.arange(width, dtype=np.float32)
    down = back[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    holds &= (across > -1) & (across < width) & (down > -1) & (down < height)
    weights = cv2.erode(holds.astype(np.float32), np.ones((ISOLATED, ISOLATED), np.uint8))
    moved = warp(before.astype(np.float32), back)
    blurred = cv2.GaussianBlur(now.astype(np.float32) - moved, (0, 0), 1.5) / 255
    unlike = np.abs(blurred).max(-1)
    weights *= np.clip((UNLIKE - unlike) / (UNLIKE - ALIKE), 0, 1)
    weights = np.minimum(weights, cv2.GaussianBlur(weights, (0, 0), 1.5))
    return Motion(back, weights)


def warp(image: Array, flow: Array) -> Array:
    """`image` (height, width[, channels]) where `flow` says it was; borders go on beyond it."""
    cv2 = opencv()
    height, width = flow.shape[:2]
    across = flow[..., 0] + np.arange(width, dtype=np.float32)
    down = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(
        cv2.remap(image, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def is_cut(found: Motion) -> bool:
    """Whether so little holds that this is another shot."""
    return float(found.weights.mean()) < CUT


def _flow(cv2: Any, now: Pixels, before: Pixels) -> Array:
    """Dense inverse search (Kroeger, Timofte, Dai and Van Gool 2016)."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(now, before, None))
