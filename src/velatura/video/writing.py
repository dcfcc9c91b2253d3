"""Frames as a film: coded, with the sound and the subtitles of the film that they come from."""

import contextlib
import errno
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velatura.errors import ConfigError, FileError, in_one_line
from velatura.files import atomic_path, check_place, make_folder
from velatura.images.io import WRITABLE, write
from velatura.untrusted import printable
from velatura.video.options import VideoOptions
from velatura.video.reading import Film, Frame, libav, told_of

CODED = {".mp4": "h264", ".m4v": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}
ANIMATIONS = {".gif": "gif", ".webp": "webp"}
ENCODERS = {
    "h264": "libx264",
    "h265": "libx265",
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "prores": "prores_ks",
    "gif": "gif",
    "webp": "libwebp_anim",
}
HOLDS = {
    ".mp4": ("h264", "h265", "av1", "vp9"),
    ".m4v": ("h264", "h265"),
    ".mov": ("h264", "h265", "prores"),
    ".mkv": ("h264", "h265", "av1", "vp9", "prores"),
    ".webm": ("av1", "vp9"),
}
CLOCKS = {"gif": Fraction(1, 100), "webp": Fraction(1, 1000)}  # that these formats have
NUMBER = re.compile(r"%0?(\d*)d")


@dataclass(frozen=True)
class Target:
    """Where frames go and how they are coded."""

    path: Path
    codec: str  # of ENCODERS, or `pictures`
    quality: int

    @property
    def even(self) -> bool:
        """Whether sides have to be even: colour has half the resolution."""
        return self.codec not in ("pictures", "gif")

    @property
    def holds_alpha(self) -> bool:
        """Whether transparency is kept."""
        if self.codec == "pictures":
            return self.path.suffix.lower() not in (".jpg", ".jpeg")
        return self.codec in ("prores", "webp") or (
            self.codec == "vp9" and self.path.suffix.lower() in (".webm", ".mkv")
        )

    @property
    def lands_on(self) -> Path:
        """The file, or the folder of numbered pictures."""
        return self.path.parent if NUMBER.search(self.path.name) else self.path


def target(path: Path, options: VideoOptions) -> Target:
    """What a name asks for: a film, or numbered pictures (`f/%05d.png`, or a folder's name).

    Raises:
        ConfigError: the ending and the codec do not fit, or the encoder is not there.
        FileError: nothing can be written there.
    """
    ending = path.suffix.lower()
    if NUMBER.search(path.name) or not ending or path.is_dir():
        if NUMBER.search(path.name) and ending not in WRITABLE:
            raise ConfigError(f"output: expected numbered pictures as f/%05d.png, got {path}")
        named = path if NUMBER.search(path.name) else path / "%05d.png"
        return Target(named, "pictures", options.quality)
    if ending not in (*CODED, *ANIMATIONS):
        raise ConfigError(
            f"output: expected a name ending in {', '.join((*CODED, *ANIMATIONS))}, a folder or a "
            f"pattern as f/%05d.png, got {path}"
        )
    check_place(path)
    codec = ANIMATIONS.get(ending) or CODED.get(ending, "")
    if options.codec != "auto":
        codec = options.codec
        if codec not in HOLDS.get(ending, ()):
            raise ConfigError(
                f"codec: expected one that {ending} holds, "
                f"{' or '.join(HOLDS.get(ending, ())) or 'auto'}, got {codec}"
            )
    av = libav()
    try:
        av.Codec(ENCODERS[codec], "w")
    except ValueError:
        raise ConfigError(
            f"codec: expected a PyAV with the encoder {ENCODERS[codec]} for {codec}, this one "
            "lacks it; name another codec"
        ) from None
    return Target(path, codec, options.quality)


@contextlib.contextmanager
def writer(
    goal: Target, film: Film, size: tuple[int, int], options: VideoOptions, alpha: bool
) -> Iterator["FilmWriter | PictureWriter"]:
    """Something whose `add` takes painted frames; the file is there once the block has ended.

    Raises FileError if it cannot be written.
    """
    if goal.codec == "pictures":
        make_folder(goal.lands_on)
        yield PictureWriter(goal)
        return
    with atomic_path(goal.path) as temporary, told_of_writing(goal.path):
        made = FilmWriter(temporary, goal, film, size, options, alpha)
        try:
            yield made
        except BaseException:
            with contextlib.suppress(Exception):  # what is half written is deleted
                made.container.close()
            raise
        made.close()


@contextlib.contextmanager
def told_of_writing(path: Path) -> Iterator[None]:
    """What PyAV meets in writing `path`, as a FileError."""
    av = libav()
    try:
        yield
    except av.error.FFmpegError as error:
        why = error.strerror or in_one_line(error)
        if error.errno == errno.ENOSPC:
            why = os.strerror(errno.ENOSPC)
        raise FileError(f"{path}: cannot be written ({printable(why)})") from error


class PictureWriter:
    """Numbered pictures."""

    def __init__(self, goal: Target) -> None:
        self.goal = goal
        self.whole = True
        self.notes: list[str] = []

    def add(self, frame: Frame) -> None:
        """Write one."""
        pixels = frame.pixels
        if frame.alpha is not None and self.goal.holds_alpha:
            pixels = np.dstack([pixels, frame.alpha])
        name = NUMBER.sub(lambda found: f"{frame.number + 1:0{found[1] or 1}}", self.goal.path.name)
        write(self.goal.path.with_name(name), Image.fromarray(pixels))


class FilmWriter:
    """A film in a file. `notes` says what of the source it does not hold."""

    def __init__(
        self,
        path: Path,
        goal: Target,
        film: Film,
        size: tuple[int, int],
        options: VideoOptions,
        alpha: bool,
    ) -> None:
        av = libav()
        self.goal, self.alpha = goal, alpha and goal.holds_alpha
        self.clock = CLOCKS.get(goal.codec, film.time_base)
        form = {".m4v": "mp4", ".mkv": "matroska"}.get(goal.path.suffix.lower())
        form = form or goal.path.suffix.lower()[1:]
        flags = {"movflags": "+faststart"} if form in ("mp4", "mov") else {}
        if form in ("gif", "webp"):
            flags = {"loop": "0"}
        self.container = av.open(
            str(path), "w", format=form, container_options=flags | {"fflags": "+bitexact"}
        )
        rate = Fraction(options.fps).limit_denominator(1001) if options.fps else film.rate
        self.stream = self.container.add_stream(ENCODERS[goal.codec], rate=rate)
        context = self.stream.codec_context
        context.height, context.width = size
        context.pix_fmt = self.layout
        context.time_base = self.stream.time_base = self.clock
        context.options = _coding(goal.codec, goal.quality, self.alpha)
        context.flags |= 1 << 23  # bit-exact: no version in the file
        if goal.codec not in ANIMATIONS.values():
            context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
            context.color_range = 1
            if goal.codec == "h265" and form in ("mp4", "mov"):
                context.codec_tag = "hvc1"  # the only one that Apple's players know
        self.sound = Sound(self.container, film, options, form)
        self.notes = self.sound.notes
        self.waiting: Frame | None = None
        self.whole = True  # set to False if frames are missing at the end: sound ends there, too

    @property
    def layout(self) -> str:
        """Pixels as the encoder wants them."""
        return {
            "prores": "yuva444p10le" if self.alpha else "yuv422p10le",
            "vp9": "yuva420p" if self.alpha else "yuv420p",
            "webp": "yuva420p" if self.alpha else "yuv420p",
            "gif": "rgb8",
        }.get(self.goal.codec, "yuv420p")

    def add(self, frame: Frame) -> None:
        """Code one frame, and copy the sound up to it."""
        if self.waiting is not None:
            self._code(self.waiting, frame.ticks - self.waiting.ticks)
        self.waiting = frame

    def close(self) -> None:
        """Finish the file."""
        end = 0.0
        if self.waiting is not None:
            last = self.waiting
            rate = float(self.stream.average_rate or self.stream.base_rate or 25)
            self._code(last, max(1, round(1 / rate / float(self.sound.time_base))))
            end = last.seconds + 1 / rate
        self.container.mux(self.stream.encode(None))
        self.sound.copy_until(math.inf if self.whole else end)
        self.sound.close()
        self.container.close()

    def _code(self, frame: Frame, duration: int) -> None:
        av = libav()
        pixels, layout = frame.pixels, "rgb24"
        if self.alpha:
            opaque = np.full(pixels.shape[:2], 255, np.uint8)
            pixels = np.dstack([pixels, opaque if frame.alpha is None else frame.alpha])
            layout = "rgba"
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
        if self.layout == "rgb8":
            picture = picture.reformat(format="rgb8")
        else:
            picture = picture.reformat(
                format=self.layout, dst_colorspace=1, dst_color_range=1, interpolation="BICUBIC"
            )
        scale = self.sound.time_base / self.clock
        picture.pts = round(frame.ticks * scale)
        picture.time_base = self.clock
        picture.duration = max(1, round(duration * scale))
        self.container.mux(self.stream.encode(picture))
        self.sound.copy_until(frame.seconds)


def _coding(codec: str, quality: int, alpha: bool) -> dict[str, str]:
    """Options of the encoder for a quality from 0 to 100."""
    lost = 1 - quality / 100
    if codec in ("h264", "h265"):
        options = {"crf": f"{13 + 25 * lost:.1f}", "preset": "medium"}
        return options | ({"x265-params": "log-level=error:info=0"} if codec == "h265" else {})
    if codec == "av1":
        return {"crf": str(round(18 + 40 * lost)), "preset": "8"}
    if codec == "vp9":
        return {
            "crf": str(round(18 + 40 * lost)),
            "b": "0",
            "cpu-used": "4",
            "row-mt": "1",
        } | ({"auto-alt-ref": "0"} if alpha else {})
    if codec == "prores":
        return {"profile": "4444" if alpha else "hq", "vendor": "apl0"}
    if codec == "webp":
        return {"quality": str(quality), "compression_level": "3"}
    return {}


class Sound:
    """Everything of a film but its pictures, copied packet by packet.

    `notes` says what the new file cannot hold.
    """

    def __init__(self, container: Any, film: Film, options: VideoOptions, form: str) -> None:
        self.container, self.film = container, film
        self.start, self.time_base = options.start, film.time_base
        self.end = options.end
        self.notes: list[str] = []
        self.source: Any = None
        self.copies: dict[int, Any] = {}
        self.next: Any = None
        if film.pictures:
            return
        with told_of(film.source):
            self.source = libav().open(str(film.source))
        wanted = [s for s in self.source.streams if s.type in ("audio", "subtitle")]
        held = set() if form in ("gif", "webp") else _held(container)
        for stream in wanted:
            context = stream.codec_context
            if context is not None and context.codec.id in held:
                copy = container.add_stream_from_template(stream)
                copy.metadata.update(stream.metadata)
                self.copies[stream.index] = copy
            else:
                kind = "sound" if stream.type == "audio" else "subtitles"
                name = "unknown" if context is None else context.name
                self.notes.append(f"{kind} ({name}) left out, .{form} does not hold it; .mkv does")
        self.packets = self._packets(wanted)
        self.next = next(self.packets, None)

    def _packets(self, wanted: list[Any]) -> Iterator[Any]:
        """Packets of the streams that are copied, in their order."""
        streams = [stream for stream in wanted if stream.index in self.copies]
        if not streams:
            return
        with told_of(self.film.source):
            for packet in self.source.demux(streams):
                if packet.dts is not None and packet.size:
                    yield packet

    def copy_until(self, seconds: float) -> None:
        """Copy what is heard before a second of the new film."""
        if self.source is None:
            return
        while (packet := self.next) is not None:
            stream = packet.stream
            time = float((packet.pts if packet.pts is not None else packet.dts) * stream.time_base)
            time -= self._video_start()
            if time - self.start > seconds:
                return
            if self.start - 1e-6 <= time and (self.end is None or time < self.end):
                shift = round((self.start + self._video_start()) / stream.time_base)
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.dts = packet.dts - shift
                packet.stream = self.copies[stream.index]
                self.container.mux(packet)
            self.next = next(self.packets, None)

    def _video_start(self) -> float:
        stream = self.source.streams.video[0]
        return float((stream.start_time or 0) * stream.time_base)

    def close(self) -> None:
        """Let go of the source."""
        if self.source is not None:
            self.source.close()


def _held(container: Any) -> set[int]:
    """Numbers of the codecs that a container holds."""
    av, held = libav(), set()
    for name in container.supported_codecs:
        with contextlib.suppress(ValueError):  # this PyAV does not know it
            held.add(av.Codec(name).id)
    return held
