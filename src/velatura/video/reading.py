"""Films and numbered pictures as frames: upright, progressive, 8-bit sRGB, at the size wanted."""

import contextlib
import glob
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from velatura.errors import ConfigError, ImageError, in_one_line
from velatura.extras import import_extra
from velatura.images.finding import pictures
from velatura.images.io import read_image
from velatura.images.opening import check_pixels
from velatura.images.resize import fit
from velatura.untrusted import printable
from velatura.video import hdr

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

NUMBERED_FPS = 25
SHORT = 1.0  # seconds that may lack at the end of a film before it counts as truncated
TICKS = 90_000  # a second, of the clock of frames whose own film has none
BT601, BT709, BT2020 = 5, 1, 9  # codes of colour matrices, ITU-T H.273
UNSPECIFIED = (2, None)
SMALLEST = 16  # pixels a side
MOST_PIXELS = 1 << 28  # of a frame
STILL = ("image2", "png_pipe", "jpeg_pipe", "webp_pipe", "tiff_pipe", "bmp_pipe")


class Frame(NamedTuple):
    """A frame of a film."""

    number: int  # from 0, of those that are painted
    ticks: int  # when it is shown, in the film's time base, from `start` on
    seconds: float  # the same
    pixels: Pixels  # (height, width, 3), sRGB
    alpha: Pixels | None  # (height, width)


@dataclass(frozen=True)
class Film:
    """What a film is, before its frames are read."""

    source: Path
    size: tuple[int, int]  # height, width in square pixels, upright
    time_base: Fraction  # seconds of a tick
    rate: Fraction  # frames a second on average
    seconds: float  # how long it is, 0 if that is not known
    has_alpha: bool = False
    transfer: int = 0  # hdr.PQ, hdr.HLG or 0
    pictures: tuple[Path, ...] = ()  # of numbered frames

    def count(self, start: float, end: float | None, fps: float | None) -> int:
        """How many frames there will be, about; 0 if that is not known."""
        until = self.seconds if end is None else min(end, self.seconds or end)
        return max(0, math.ceil((until - start) * (fps or self.rate) - 1e-6))

    @property
    def notes(self) -> list[str]:
        """What a user should know of it."""
        if not self.transfer:
            return []
        name = "PQ" if self.transfer == hdr.PQ else "HLG"
        return [f"{self.source}: HDR ({name}) is tone-mapped to SDR"]


def libav() -> Any:
    """PyAV. Raises ConfigError if it is not installed."""
    os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder tells of errors alone
    av = import_extra("av", "video", "video")
    av.logging.set_level(None)  # what goes wrong is told by its exceptions
    return av


@contextlib.contextmanager
def told_of(path: Path) -> Iterator[None]:
    """What PyAV or the system meets in reading `path`, as an ImageError in one line."""
    try:
        yield
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, ConfigError):
            raise
        why = getattr(error, "strerror", None) or in_one_line(error)
        raise ImageError(
            f"{path}: expected a film, it cannot be read ({printable(why)})"
        ) from error


def probe(source: Path, fps: float | None = None) -> Film:
    """Look at a film, a folder of numbered pictures, or a pattern of them such as `f/*.png`.

    Raises:
        ImageError: there is no video in it, or it cannot be read.
        ConfigError: PyAV is not installed.
    """
    if source.is_dir() or (not source.exists() and re.search(r"[*?%]", source.name)):
        return _numbered(source, fps)
    if not source.exists():
        raise ImageError(f"{source}: expected a film, found no such file")
    av = libav()
    with told_of(source), av.open(str(source)) as container:
        stream = _video(container, source)
        first = next(container.decode(stream), None)
        if first is None:
            raise ImageError(f"{source}: expected a film, it has no frames")
        check_pixels((first.width, first.height), MOST_PIXELS)
        height, width = _square(first, stream)
        if first.rotation % 180:
            height, width = width, height
        if min(height, width) < SMALLEST:
            raise ImageError(
                f"{source}: expected a film of at least {SMALLEST} pixels a side, "
                f"got {width}×{height}"
            )
        length = container.duration / av.time_base if container.duration else 0.0
        if stream.duration:
            length = float(stream.duration * stream.time_base)
        transfer = int(stream.codec_context.color_trc)
        return Film(
            source,
            (height, width),
            stream.time_base,
            stream.average_rate or stream.guessed_rate or Fraction(NUMBERED_FPS),
            length,
            _has_alpha(stream),
            transfer if transfer in (hdr.PQ, hdr.HLG) else 0,
        )


def painted_size(film: Film, long_side: int, even: bool) -> tuple[int, int]:
    """Height and width at most `long_side` (0 for any), even ones if a coding wants that."""
    size = fit(film.size, min(long_side or max(film.size), max(film.size)))
    height, width = (side // 2 * 2 if even else side for side in size)
    if min(height, width) < SMALLEST:
        raise ImageError(
            f"{film.source}: expected frames of at least {SMALLEST} pixels a side, "
            f"got {width}×{height}"
        )
    return height, width


def frames(
    film: Film,
    size: tuple[int, int],
    *,
    start: float = 0.0,
    end: float | None = None,
    fps: float | None = None,
    deinterlace: bool = True,
) -> Iterator[Frame]:
    """The frames from `start` to `end` (seconds) at `size` (height, width).

    With `fps` there are so many a second, each the last one that the film shows by then.

    Raises ImageError if one cannot be read, if there is none, or if the film ends before its time.
    """
    if film.pictures:
        found = _read_pictures(film, size)
    else:
        found = _decoded(film, size, start, deinterlace)
    if fps and not film.pictures:
        found = _at_rate(found, fps, start, film)
    first: int | None = None
    number = 0
    for frame in found:
        if frame.seconds < start - 1e-6:
            continue
        if end is not None and frame.seconds >= end - 1e-6:
            break
        first = frame.ticks if first is None else first
        ticks = frame.ticks - first
        yield frame._replace(number=number, ticks=ticks, seconds=float(ticks * film.time_base))
        number += 1
    if not number:
        raise ImageError(
            f"{film.source}: expected frames from {start:g} s on, it has none there"
            + (f" (it is {film.seconds:g} s long)" if film.seconds else "")
        )


def _video(container: Any, source: Path) -> Any:
    """The stream to paint, frames decoded by several threads."""
    streams = [
        stream
        for stream in container.streams.video
        if not int(stream.disposition) & 0x400  # a cover picture
    ]
    if not streams:
        raise ImageError(f"{source}: expected a film, it has no video")
    if container.format.name in STILL or container.format.name.endswith("_pipe"):
        raise ImageError(f"{source}: expected a film, got a picture; see velatura stylize")
    streams[0].thread_type = "AUTO"
    return streams[0]


def _has_alpha(stream: Any) -> bool:
    layout = stream.codec_context.format
    return stream.metadata.get("alpha_mode") == "1" or (
        layout is not None and any(part.is_alpha for part in layout.components)
    )


def _square(frame: Any, stream: Any) -> tuple[int, int]:
    """Height and width in square pixels, before it is turned."""
    ratio = stream.sample_aspect_ratio or 1
    ratio = ratio if 0.1 < ratio < 10 else 1
    if ratio >= 1:
        return frame.height, round(frame.width * ratio)
    return round(frame.height / ratio), frame.width


def _packets_decoded(av: Any, container: Any, stream: Any) -> Iterator[Any]:
    """Frames, those of VP8 and VP9 with alpha by the decoder that knows it."""
    if stream.metadata.get("alpha_mode") != "1":
        yield from container.decode(stream)
        return
    decoder = av.CodecContext.create(f"libvpx{'-vp9' * (stream.codec_context.name == 'vp9')}", "r")
    for packet in container.demux(stream):
        for frame in decoder.decode(packet if packet.size else None):
            frame.time_base = stream.time_base
            yield frame


def _decoded(film: Film, size: tuple[int, int], start: float, deinterlace: bool) -> Iterator[Frame]:
    av = libav()
    with told_of(film.source), av.open(str(film.source)) as container:
        stream = _video(container, film.source)
        origin = stream.start_time or 0
        filters, last = None, -1
        for frame in _packets_decoded(av, container, stream):
            if frame.pts is None:
                frame.pts = origin + last + 1
            if (frame.pts - origin) * stream.time_base < start - 1:
                last = frame.pts - origin
                continue
            if filters is None:
                filters = _Deinterlacer(av, stream, deinterlace and frame.interlaced_frame)
            for whole in filters(frame):
                ticks = whole.pts - origin
                if ticks <= last:  # out of order, or twice: players would stumble
                    continue
                last = ticks
                yield _made(film, whole, ticks, size)
        for whole in filters(None) if filters else ():
            yield _made(film, whole, whole.pts - origin, size)
        reached = float((last + 1) * stream.time_base)
        short = film.seconds - reached - 1 / float(film.rate)
        if film.seconds and short > max(SHORT, 0.02 * film.seconds):
            raise ImageError(
                f"{film.source}: expected {film.seconds:.1f} s, it breaks off after "
                f"{reached:.1f} s; end at {reached:.1f} to paint what is there"
            )


class _Deinterlacer:
    """Frames through a filter that makes interlaced ones progressive, if `needed`."""

    def __init__(self, av: Any, stream: Any, needed: bool) -> None:
        self.graph = None
        if needed:
            self.graph = av.filter.Graph()
            nodes = [
                self.graph.add_buffer(template=stream),
                self.graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                self.graph.add("buffersink"),
            ]
            self.graph.link_nodes(*nodes).configure()
            self.errors = (av.error.BlockingIOError, av.error.EOFError)

    def __call__(self, frame: Any) -> Iterator[Any]:
        if self.graph is None:
            if frame is not None:
                yield frame
            return
        self.graph.push(frame)
        with contextlib.suppress(*self.errors):
            while True:
                yield self.graph.pull()


def _made(film: Film, frame: Any, ticks: int, size: tuple[int, int]) -> Frame:
    """A decoded frame upright, in sRGB and at `size`."""
    quarter = round(frame.rotation / 90) % 4
    height, width = size if quarter % 2 == 0 else size[::-1]
    alpha = None
    if film.transfer:
        yuv = frame.reformat(width, height, "yuv444p16le").to_ndarray(format="yuv444p16le")
        planes = np.ascontiguousarray(yuv if yuv.shape[0] == 3 else np.moveaxis(yuv, -1, 0))
        pixels = hdr.to_sdr(planes, film.transfer, full_range=int(frame.color_range) == 2)
    else:
        layout = "rgba" if film.has_alpha else "rgb24"
        # One pixel less for an even side is cut off: scaling would blur the whole frame.
        cut = frame.height - height in (0, 1) and frame.width - width in (0, 1)
        goal = (frame.width, frame.height) if cut else (width, height)
        matrix = int(frame.colorspace)
        if matrix in UNSPECIFIED:
            matrix = BT709 if frame.height >= 720 else BT601
        rgb = frame.reformat(*goal, layout, src_colorspace=matrix, interpolation="BICUBIC")
        pixels = rgb.to_ndarray()[:height, :width]
        if film.has_alpha:
            pixels, alpha = pixels[..., :3], np.rot90(pixels[..., 3], quarter)
    upright = np.ascontiguousarray(np.rot90(pixels, quarter))
    alpha = None if alpha is None else np.ascontiguousarray(alpha)
    return Frame(0, ticks, float(ticks * film.time_base), upright, alpha)


def _at_rate(found: Iterator[Frame], fps: float, start: float, film: Film) -> Iterator[Frame]:
    """At each tick of a clock of `fps`, the last frame that is shown by then."""
    number, before = 0, None

    def shown(frame: Frame, until: float) -> Iterator[Frame]:
        nonlocal number
        while (due := start + number / fps) < until - 1e-6:
            yield frame._replace(ticks=round(due / film.time_base), seconds=due)
            number += 1

    for frame in found:
        if before is not None:
            yield from shown(before, frame.seconds)
        before = frame
    if before is not None:
        yield from shown(before, before.seconds + float(1 / film.rate))


def _numbered(source: Path, fps: float | None) -> Film:
    """Numbered pictures as a film, in the order of their numbers."""
    if source.is_dir():
        found = pictures(source)[0]
    else:
        pattern = re.sub(r"%0?\d*d", "[0-9]*", source.name)
        found = [Path(name) for name in glob.glob(str(source.with_name(pattern)))]  # noqa: PTH207
    found.sort(key=lambda path: [(len(n), n) for n in re.findall(r"\d+", path.name)] or [(0, "")])
    if not found:
        raise ImageError(f"{source}: expected numbered pictures, found none")
    rate = Fraction(fps or NUMBERED_FPS).limit_denominator(1001)
    width, height = read_image(found[0]).size
    return Film(
        source,
        (height, width),
        Fraction(1, TICKS),
        rate,
        float(len(found) / rate),
        read_image(found[0]).mode == "RGBA",
        pictures=tuple(found),
    )


def _read_pictures(film: Film, size: tuple[int, int]) -> Iterator[Frame]:
    for number, path in enumerate(film.pictures):
        image = read_image(path)
        if (image.height, image.width) != film.size:
            raise ImageError(
                f"{path}: expected a picture of {film.size[1]}×{film.size[0]} pixels as the first "
                f"one, got {image.width}×{image.height}"
            )
        array = np.asarray(image.resize(size[::-1]) if image.size != size[::-1] else image)
        alpha = np.ascontiguousarray(array[..., 3]) if image.mode == "RGBA" else None
        seconds = number / film.rate
        ticks = round(seconds / film.time_base)
        yield Frame(0, ticks, float(seconds), np.ascontiguousarray(array[..., :3]), alpha)
