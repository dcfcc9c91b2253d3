"""Cutting an image into tiles so that the gradient stays exact.

A tile owns a rectangle of pixels and looks through a window around it, wide enough that every
position of every layer that stands for owned pixels sees the same as in the whole image. A style
loss adds up owned positions' moments over all tiles, and sends each owned position its share of
the gradient back; the window's pixel gradients, added into place, are the whole image's.
"""

import math
from itertools import pairwise
from types import EllipsisType
from typing import NamedTuple, TypeAlias

from velatura.perception.layers import Geometry

Index: TypeAlias = tuple[EllipsisType, slice, slice]
"""What to take of a tensor (…, height, width)."""


class Span(NamedTuple):
    """One side of a tile, in pixels: what it owns, and the window it looks through."""

    start: int
    stop: int
    window_start: int
    window_stop: int
    last: bool  # owns up to the border of the image

    @property
    def window(self) -> slice:
        """The window, in the image's pixels."""
        return slice(self.window_start, self.window_stop)

    def owned(self, stride: int) -> slice:
        """The owned positions of a layer with this stride, counted in the window."""
        stop = None if self.last else (self.stop - self.window_start) // stride
        return slice((self.start - self.window_start) // stride, stop)

    def positions(self, stride: int) -> slice:
        """The same positions, counted in the whole layer."""
        return slice(self.start // stride, None if self.last else self.stop // stride)


class Tile(NamedTuple):
    """A rectangle of an image."""

    rows: Span
    columns: Span

    @property
    def window(self) -> Index:
        """The window, in what is cut."""
        return ..., self.rows.window, self.columns.window

    def owned(self, stride: int) -> Index:
        """The owned positions of a layer with this stride, counted in the window."""
        return ..., self.rows.owned(stride), self.columns.owned(stride)

    def positions(self, stride: int) -> Index:
        """The same positions, counted in the whole layer."""
        return ..., self.rows.positions(stride), self.columns.positions(stride)


def split(
    size: tuple[int, int], geometry: Geometry, pixels: int | None = None, workers: int = 1
) -> list[Tile]:
    """Tiles that cover an image of `size` (height, width), each window of at most `pixels`.

    Of all grids that do, the one in which the busiest of `workers` that share the tiles sees the
    fewest pixels; the finest grid if none does. One worker without a limit gets one tile.
    `geometry` is the deepest layer's.
    """
    if pixels is None and workers == 1:
        return [Tile(*(_spans(length, 1, geometry)[0] for length in size))]
    rows, columns = (_cuts(length, geometry) for length in size)
    grids = [
        (r, c) for r in rows for c in columns if pixels is None or r.longest * c.longest <= pixels
    ]

    def busiest(grid: tuple[_Cut, _Cut]) -> float:
        r, c = grid
        tiles = len(r.spans) * len(c.spans)
        return r.total * c.total / tiles * math.ceil(tiles / workers)

    r, c = min(grids or [(rows[-1], columns[-1])], key=busiest)
    return [Tile(row, column) for row in r.spans for column in c.spans]


class _Cut(NamedTuple):
    """One side of the image cut into spans: the longest window, and all windows together."""

    spans: list[Span]
    longest: int
    total: int


def _cuts(length: int, geometry: Geometry) -> list[_Cut]:
    """`length` pixels cut into one span, two, three … as long as that makes windows shorter."""
    cuts: list[_Cut] = []
    for count in range(1, 1 + length // geometry.stride):
        spans = _spans(length, count, geometry)
        windows = [span.window_stop - span.window_start for span in spans]
        if (cuts and max(windows) < cuts[-1].longest) or not cuts:
            cuts.append(_Cut(spans, max(windows), sum(windows)))
        if sum(windows) > 8 * length:  # beyond it windows are nearly all halo
            break
    return cuts


def _spans(length: int, count: int, geometry: Geometry) -> list[Span]:
    """`length` pixels cut into `count` spans at multiples of the stride, so that pools align."""
    stride = geometry.stride
    halo = math.ceil(geometry.reach / stride) * stride
    cuts = [k * (length // stride) // count * stride for k in range(count)] + [length]
    return [
        Span(start, stop, max(0, start - halo), min(length, stop + halo), stop == length)
        for start, stop in pairwise(cuts)
    ]
