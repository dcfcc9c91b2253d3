"""What is done to each picture: functions made once a worker, chosen by the name of the job."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from velatura.errors import ConfigError

if TYPE_CHECKING:
    from PIL import Image


class Made(NamedTuple):
    """A picture, and what is stored in its file."""

    image: "Image.Image"
    settings: dict[str, Any]


Make: TypeAlias = Callable[[bytes, str], Made]
"""Makes a picture of the contents of a file and its name."""


class File(NamedTuple):
    """A file that workers on other machines need too."""

    name: str
    contents: bytes


def _stylize(options: Mapping[str, Any]) -> Make:
    from velatura.painting.config import StyleConfig
    from velatura.session.job import Job
    from velatura.session.session import run

    config = StyleConfig.from_dict(options["config"])
    styles: list[File] = options["styles"]

    def make(contents: bytes, name: str) -> Made:
        job = Job(
            contents, [style.contents for style in styles], config, upscale=options["upscale"]
        )
        result = run(job)
        names = {"content": name, "styles": [style.name for style in styles]}
        return Made(result.image, result.settings | names)

    return make


def _fast(options: Mapping[str, Any]) -> Make:
    from velatura.fast.options import PaintOptions, settings
    from velatura.fast.painter import Painter

    paint = PaintOptions.from_dict(options["config"])
    style: File = options["style"]
    with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
        place = style.name
        if style.contents:  # a file; without contents it is a shipped style
            place = str(Path(folder, Path(style.name).name))
            Path(place).write_bytes(style.contents)
        painter = Painter(place, paint.strength, paint.colors, paint.device, paint.precision)

    def make(contents: bytes, name: str) -> Made:
        image = painter.paint(contents, paint.size or None)
        return Made(image, settings(name, style.name, paint, painter.card))

    return make


def _upscale(options: Mapping[str, Any]) -> Make:
    from velatura.images.io import read, to_pil
    from velatura.superres.upscaler import Upscaler

    upscaler = Upscaler(options["model"], options["scale"], options["device"])

    def make(contents: bytes, name: str) -> Made:
        large = upscaler.enlarge(read(contents))
        return Made(to_pil(large.pixels, large.alpha), upscaler.settings(name))

    return make


WORK: dict[str, Callable[[Mapping[str, Any]], Make]] = {
    "stylize": _stylize,
    "fast": _fast,
    "upscale": _upscale,
}


def prepared(job: str, options: Mapping[str, Any]) -> Make:
    """The function of a job. Raises what is wrong with its options."""
    if job not in WORK:
        raise ConfigError(f"job: expected {', '.join(WORK)}, got {job!r}")
    return WORK[job](options)
