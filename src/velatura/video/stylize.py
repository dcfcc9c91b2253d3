"""A film and a style in, a film out."""

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from velatura.errors import ConfigError
from velatura.fast.styles import shipped
from velatura.images.io import ImageLike
from velatura.painting.config import StyleConfig
from velatura.painting.engine import Step
from velatura.painting.inputs import listed
from velatura.painting.memory import limit_bytes
from velatura.perception.devices import pick_device
from velatura.version import __version__
from velatura.video import reading, writing
from velatura.video.carrying import Memory, moved
from velatura.video.flow import opencv
from velatura.video.kept import KeptFrames, digest
from velatura.video.options import OPTIMISED_SIZE, VideoOptions
from velatura.video.painters import FilmPainter, OnePass, Optimised
from velatura.video.reading import Film, Frame
from velatura.video.threads import Behind, ahead


@dataclass(frozen=True)
class PaintedFrame:
    """A frame of the new film, and how far the work is."""

    number: int  # from 0
    total: int  # about; 0 if that is not known
    seconds: float  # when it is shown
    image: Image.Image  # RGB, or RGBA
    starts: bool  # whether it is the first one of a shot
    kept: bool  # whether it was painted by an earlier run
    spent: float  # seconds since the work began


@dataclass(frozen=True)
class FilmResult:
    """What `stylize_video` has made."""

    output: Path
    frames: int
    seconds: float  # of work
    interrupted: bool  # whether it ends early
    notes: tuple[str, ...]  # what a user should know, a line each


class _Job:
    """What is to be painted, looked at once."""

    def __init__(
        self,
        film: "str | os.PathLike[str]",
        styles: "ImageLike | Iterable[ImageLike]",
        config: StyleConfig | None,
        options: VideoOptions | None,
        even: bool,
    ) -> None:
        self.options, self.config = options or VideoOptions(), config or StyleConfig()
        self.styles = listed("styles", styles)
        self.in_one_pass = [is_one_pass(style) for style in self.styles]
        if any(self.in_one_pass) and len(self.styles) > 1:
            raise ConfigError("styles: expected one style in one pass, or paintings alone")
        self._check()
        opencv()
        self.film = reading.probe(Path(film), self.options.fps)
        most = 0 if any(self.in_one_pass) else OPTIMISED_SIZE
        self.size = reading.painted_size(self.film, self.options.size or most, even)
        self.config = replace(self.config, size=max(self.size))
        self.total = self.film.count(self.options.start, self.options.end, self.options.fps)

    def _check(self) -> None:
        """Raise ConfigError where options do not fit the styles."""
        weights = self.options.blends.at(0)
        if weights and len(weights) != len(self.styles):
            raise ConfigError(
                f"blend: expected {len(self.styles)} weights for {len(self.styles)} styles, "
                f"got {self.options.blend}"
            )

    def config_at(self, seconds: float) -> StyleConfig:
        """The config of a time."""
        changes: dict[str, Any] = {}
        if strength := self.options.strengths.at(seconds):
            changes["strength"] = strength[0]
        if blend := self.options.blends.at(seconds):
            changes["blend"] = blend
        return replace(self.config, **changes) if changes else self.config

    def painter(self) -> FilmPainter:
        """What paints it."""
        if self.in_one_pass[0]:
            strengths = self.options.strengths
            return OnePass(
                str(self.styles[0]),
                self.config,
                lambda seconds: (strengths.at(seconds) or (1.0,))[0],
                self.options.steadiness,
            )
        return Optimised(
            self.styles,
            self.config,
            self.config_at,
            self.options.frame_steps,
            self.options.steadiness,
        )

    def key(self) -> dict[str, Any]:
        """What painted frames depend on, fit for JSON."""
        files = [self.film.source] if not self.film.pictures else list(self.film.pictures)
        files += [Path(s) for s in self.styles if isinstance(s, str | os.PathLike)]
        files = [path for path in files if path.is_file()]  # shipped styles are names
        files += [Path(name) for name in (*self.config.mask, *self.config.style_mask)]
        options = self.options.as_dict()
        for name in ("end", "codec", "quality"):  # frames are the same whatever these are
            del options[name]
        device = pick_device(self.config.device)
        return {
            "velatura": __version__,
            "files": [digest(path) for path in files],
            "styles": [str(style) if isinstance(style, str) else "" for style in self.styles],
            "size": list(self.size),
            "options": options,
            "config": {k: v for k, v in self.config.as_dict().items() if k != "memory"},
            "memory": f"{limit_bytes(self.config.memory, device) / 1e6:.0f}MB",
        }

    def frames(self) -> Iterator[Frame]:
        """The frames to be painted, decoded ahead."""
        options = self.options
        return ahead(
            reading.frames(
                self.film,
                self.size,
                start=options.start,
                end=options.end,
                fps=options.fps,
                deinterlace=options.deinterlace == "auto",
            )
        )


def is_one_pass(style: ImageLike) -> bool:
    """Whether a style is one in one pass: the name of a shipped one, or a network's file."""
    if not isinstance(style, str | os.PathLike):
        return False
    name = os.fspath(style)
    return name in shipped() or name.lower().endswith((".safetensors", ".onnx"))


def stylize_frames(
    film: "str | os.PathLike[str]",
    style: "ImageLike | Iterable[ImageLike]",
    config: StyleConfig | None = None,
    options: VideoOptions | None = None,
    *,
    on_step: Callable[[Step], object] = lambda step: None,
) -> Iterator[PaintedFrame]:
    """Paint a film frame by frame, each steady beside the last one; yields the painted frames.

    Args:
        film: a film, a folder of numbered pictures, or a pattern of them.
        style: a painting or several, or the name or file of a style in one pass.
        config: how frames are painted; its `size` is that of `options`.
        options: all that belongs to films.
        on_step: called with each `Step` of the first frame of a shot, if it is painted by
            optimisation.

    Raises:
        ImageError, ConfigError, WeightsError: with what was expected and what came.
    """
    job = _Job(film, style, config, options, even=False)
    for painted, _ in _paint(job, None, on_step):
        yield painted


def stylize_video(
    film: "str | os.PathLike[str]",
    style: "ImageLike | Iterable[ImageLike]",
    output: "str | os.PathLike[str]",
    config: StyleConfig | None = None,
    options: VideoOptions | None = None,
    *,
    on_frame: Callable[[PaintedFrame], object] = lambda frame: None,
    on_step: Callable[[Step], object] = lambda step: None,
) -> FilmResult:
    """Paint a film and write it with its sound and its subtitles.

    Painted frames are kept in a folder beside the output, `OUTPUT.unfinished`, until the film is
    whole: after a stop of any kind the same call goes on, and makes the same film. A
    KeyboardInterrupt, also from `on_frame` or `on_step`, leaves the film as far as it is painted.

    Args:
        film: as for `stylize_frames`, as are the next ones.
        style: a painting or several, or a style in one pass.
        config: how frames are painted.
        options: all that belongs to films.
        output: a film's name, a folder for numbered pictures, or a pattern as `f/%05d.png`.
        on_frame: called with each painted frame. What it raises ends the work.
        on_step: called with each `Step` of the first frame of a shot.

    Raises:
        ImageError, ConfigError, WeightsError, FileError: with what was expected and what came.

    Example:
        >>> velatura.stylize_video("film.mp4", "starry_night", "out.mp4")  # doctest: +SKIP
    """
    options = options or VideoOptions()
    goal = writing.target(Path(output), options)
    job = _Job(film, style, config, options, goal.even)
    kept = KeptFrames(goal.lands_on, job.key())
    job.config = replace(job.config, memory=kept.memory)
    began, count, stopped = time.monotonic(), 0, False
    alpha = job.film.has_alpha
    try:
        with (
            writing.writer(goal, job.film, job.size, options, alpha) as out,
            Behind(out.add) as coding,
        ):
            try:
                with contextlib.closing(_paint(job, kept, on_step)) as painting:
                    for painted, frame in painting:
                        coding.add(frame)
                        count += 1
                        on_frame(painted)
            except KeyboardInterrupt:
                if not count:
                    raise
                stopped, out.whole = True, False
    finally:
        if kept.is_empty:
            kept.clear()
    if not stopped:
        kept.clear()
    notes = (*job.film.notes, *_lost_alpha(job.film, goal), *out.notes)
    return FilmResult(Path(output), count, time.monotonic() - began, stopped, notes)


def _paint(
    job: _Job, kept: KeptFrames | None, on_step: Callable[[Step], object]
) -> Generator[tuple[PaintedFrame, Frame], None, None]:
    """Each frame painted, for who looks at it and for who codes it."""
    painter, memory, began = job.painter(), Memory(), time.monotonic()
    with contextlib.closing(ahead(moved(job.frames()))) as coming:
        for frame, motions in coming:
            starts = not motions or not job.options.steadiness
            pixels = kept.load(frame.number) if kept else None
            done_before = pixels is not None
            if pixels is not None:
                painter.skip(frame, starts)
                if starts:
                    memory.forget()
            else:
                carried = memory.carried(() if starts else motions)
                pixels = painter.paint(frame, carried, on_step)
                if kept:
                    kept.save(frame.number, pixels)
            memory.add(pixels)
            image = Image.fromarray(pixels)
            if frame.alpha is not None:
                image.putalpha(Image.fromarray(frame.alpha))
            painted = PaintedFrame(
                frame.number,
                job.total,
                frame.seconds,
                image,
                starts,
                done_before,
                time.monotonic() - began,
            )
            yield painted, frame._replace(pixels=pixels)


def _lost_alpha(film: Film, goal: writing.Target) -> list[str]:
    if film.has_alpha and not goal.holds_alpha:
        return [f"{goal.path}: transparency is left out; .webm, .webp and ProRes in .mov hold it"]
    return []
