"""How a picture came about: frames evenly spaced in visible change, and the losses on the way."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velatura.errors import ImageError
from velatura.extras import import_extra
from velatura.files import atomic_path
from velatura.images.io import to_pil
from velatura.images.resize import fit, resize
from velatura.images.sheet import side_by_side
from velatura.painting.engine import Step

LONG_SIDE = 640  # of a frame, at most
KEPT = 240  # frames in memory, at most
FILM_FORMATS = (".mp4", ".gif", ".webp")
FILM_FRAMES, FRAMES_PER_SECOND = 96, 16
STRIP_FRAMES = 6


class Film:
    """Collects steps; afterwards gives as many frames as are wanted.

    Most steps change little and the first ones much, so that frames evenly spaced in steps would
    show a jump and then nothing. These are evenly spaced in change: the root mean square
    difference between neighbours, summed up along the way.
    """

    def __init__(self) -> None:
        self.images: list[Image.Image] = []
        self.travelled: list[float] = []  # from the first frame to each

    def add(self, step: Step) -> None:
        """Look at a step."""
        height, width = fit(step.scales[-1].size, min(LONG_SIDE, max(step.scales[-1].size)))
        # Video encoders want even sides.
        size = (max(2, height // 2 * 2), max(2, width // 2 * 2))
        image = to_pil(resize(step.image, size))
        moved = _difference(self.images[-1], image) if self.images else 0.0
        self.travelled.append(moved + (self.travelled[-1] if self.images else 0.0))
        self.images.append(image)
        if len(self.images) > KEPT:
            chosen = self._evenly(KEPT // 2)
            self.images = [self.images[k] for k in chosen]
            self.travelled = [self.travelled[k] for k in chosen]

    def frames(self, count: int) -> list[Image.Image]:
        """At most `count` frames, the first and the last among them."""
        return [self.images[k] for k in self._evenly(count)]

    def _evenly(self, count: int) -> list[int]:
        marks = np.linspace(0, self.travelled[-1], count)
        nearest = np.abs(np.subtract.outer(marks, self.travelled)).argmin(axis=1)
        return sorted({*nearest.tolist(), 0, len(self.images) - 1})


def check_film(path: Path) -> None:
    """Raise ImageError or MissingDependencyError now if `write_film` to `path` is bound to fail."""
    if path.suffix.lower() not in FILM_FORMATS:
        raise ImageError(
            f"{path}: expected a film's name ending in {', '.join(FILM_FORMATS)}, "
            f"got {path.suffix or 'no ending'}"
        )
    if path.suffix.lower() == ".mp4":
        _av()


def write_film(path: Path, film: Film) -> None:
    """Write an MP4, or a GIF or WebP that repeats; the last frame stays for two seconds.

    Raises:
        MissingDependencyError: an MP4 is wanted and PyAV is not installed.
        FileError: it cannot be written.
    """
    frames = film.frames(FILM_FRAMES)
    frames += [frames[-1]] * (2 * FRAMES_PER_SECOND)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".mp4":
            _write_mp4(temporary, frames)
        else:
            frames[0].save(
                temporary,
                save_all=True,
                append_images=frames[1:],
                duration=1000 // FRAMES_PER_SECOND,
                loop=0,
            )


def strip(film: Film) -> Image.Image:
    """A few frames beside each other."""
    return side_by_side(film.frames(STRIP_FRAMES))


def loss_line(step: Step) -> str:
    """A step's losses as one line of JSON."""
    return json.dumps(
        {
            "step": step.number,
            "scale": step.scale,
            "size": [step.scales[step.scale].size[1], step.scales[step.scale].size[0]],
            "seconds": round(step.seconds, 3),
            "loss": step.loss,
            "losses": step.terms,
        }
    )


def write_plot(path: Path, lines: Sequence[str]) -> None:
    """Draw what `loss_line` gave: each term over the steps, scales marked.

    A scale may lack a term, as those above `deep_size` do; its line has a gap there.

    Raises MissingDependencyError if matplotlib is not installed.
    """
    figures = _matplotlib_figure()
    records = [json.loads(line) for line in lines]
    figure = figures.Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    steps = [record["step"] for record in records]
    for name in dict.fromkeys(name for record in records for name in record["losses"]):
        values = [record["losses"].get(name, math.nan) for record in records]
        axes.plot(steps, values, label=name, linewidth=1.2)
    axes.plot(steps, [record["loss"] for record in records], label="sum", color="black")
    for before, record in zip([None, *records], records, strict=False):
        if before is None or before["scale"] != record["scale"]:
            axes.axvline(record["step"], color="lightgray", zorder=0)
            width, height = record["size"]
            axes.annotate(
                f" {width}×{height}",
                (record["step"], 0.01),
                xycoords=("data", "axes fraction"),
                fontsize=8,
                color="gray",
            )
    axes.set(xlabel="step", ylabel="weighted loss", yscale="log")
    axes.legend(fontsize=8, ncols=2)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)


def check_plot() -> None:
    """Raise MissingDependencyError now if `write_plot` is bound to fail."""
    _matplotlib_figure()


def _difference(one: Image.Image, other: Image.Image) -> float:
    difference = np.asarray(one, dtype=np.float32) - np.asarray(other, dtype=np.float32)
    return float(np.sqrt(np.square(difference).mean()))


def _write_mp4(path: Path, frames: list[Image.Image]) -> None:
    """H.264 in the pixel format that every player knows."""
    av = _av()
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("h264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))


def _av() -> Any:
    return import_extra("av", "film", "film: .gif and .webp need no extra; an .mp4")


def _matplotlib_figure() -> Any:
    return import_extra("matplotlib.figure", "film", "plot")
