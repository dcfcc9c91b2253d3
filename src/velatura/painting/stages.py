"""The network cut at two pools, so that a picture of any size is seen stage by stage.

Seen in tiles from the pixels to relu5_1, a picture is mostly seen twice: every window needs some 70
pixels around what its tile owns. A stage that begins after a pool needs a few positions. What the
pools hold of the whole picture is a twentieth of what the layers between them hold.
"""

from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

from velatura.painting.tiles import Tile, split
from velatura.perception.layers import CONVOLUTIONS, LAYERS, Geometry, geometry

CUTS = ("pool2", "pool3")


class Stage(NamedTuple):
    """A stretch of the network, and the tiles in which it sees what enters it."""

    start: str | None  # the pool that it begins after; None for the image
    end: str | None  # the pool that it ends with; None for the last stage
    layers: tuple[str, ...]  # those asked for in it
    tiles: list[Tile]

    def stride(self, layer: str) -> int:
        """How many positions of what enters make one of `layer`, a side."""
        return geometry(layer).stride // _origin(self.start).stride


def plan(
    size: tuple[int, int], layers: Collection[str], pixels: int | None = None, workers: int = 1
) -> list[Stage]:
    """The stages in which an image of `size` (height, width) is seen up to the deepest of `layers`.

    `pixels` is the most that the first stage may see at once. Later ones, which hold less for each
    pixel of the image, may see as many more.
    """
    deepest = max(layers, key=LAYERS.index)
    stages: list[Stage] = []
    start: str | None = None
    for end in (*CUTS, None):
        if end and LAYERS.index(end) >= LAYERS.index(deepest):
            end = None
        origin, reached = _origin(start), geometry(end or deepest)
        stretch = _stretch(start, end or deepest)
        limit = None
        if pixels is not None:
            limit = round(pixels * _held(_FIRST) / _held(stretch) / origin.stride**2)
        within = Geometry(
            reached.stride // origin.stride, (reached.reach - origin.reach) // origin.stride
        )
        entering = (size[0] // origin.stride, size[1] // origin.stride)
        tiles = split(entering, within, limit, workers)
        wanted = tuple(layer for layer in layers if layer in stretch)
        stages.append(Stage(start, end, wanted, tiles))
        if end is None:
            break
        start = end
    return stages


def first_pixels(pixels: int, room: float) -> int:
    """What `plan` is to be given for an image of so many `pixels`, where there is room for `room`.

    `room` is the number of pixels for which everything the network holds would fit. A stage that is
    one tile is kept until the gradient, beside the window of another.
    """
    stretches = [_FIRST, *(_stretch(start, end) for start, end in pairwise((*CUTS, LAYERS[-1])))]
    shares = [_held(stretch) / _held(LAYERS) for stretch in stretches]
    most = 0.0
    for windows in range(1, 1 + len(shares)):
        most = room / (windows * shares[0])
        kept = sum(pixels * share <= most * shares[0] for share in shares)
        if kept < windows:
            break
    return int(most)


def _held(stretch: Collection[str]) -> float:
    """Numbers that the convolutions among some layers hold for a pixel of the image."""
    return sum(
        CONVOLUTIONS[name][1] / geometry(name).stride ** 2
        for name in stretch
        if name in CONVOLUTIONS
    )


def _stretch(start: str | None, end: str) -> tuple[str, ...]:
    """The layers after `start` up to `end`."""
    return LAYERS[LAYERS.index(start) + 1 if start else 0 : LAYERS.index(end) + 1]


def _origin(start: str | None) -> Geometry:
    return geometry(start) if start else Geometry(1, 0)


_FIRST = _stretch(None, CUTS[0])
