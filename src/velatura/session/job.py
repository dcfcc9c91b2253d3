"""What is to be painted, and a file of it so that another process can go on."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.errors import CheckpointError, ConfigError, ImageError
from velatura.files import atomic_path, make_folder
from velatura.painting.config import STARTS, StyleConfig
from velatura.superres.options import SCALES
from velatura.untrusted import entry, read_object

if TYPE_CHECKING:
    from velatura.images.io import ImageLike

FILE_NAME = "painting.json"
IN_MEMORY = "sha256:"  # before the checksum of an image that is not a file


@dataclass(frozen=True)
class Job:
    """What is to be painted, in what style, and how the picture is finished.

    Images are of any kind that `velatura.images.io.read` takes. Without a content image, `canvas`
    (width, height) says how large the picture is. `masks`, `style_masks` and `initial` take the
    place of the files that `config` names. `memory` is the limit to keep to, where `config` says
    auto; `output` is where the picture goes, if it is written.
    """

    content: "ImageLike | None"
    styles: "Sequence[ImageLike]"
    config: StyleConfig = dataclasses.field(default_factory=StyleConfig)
    output: Path | None = None
    masks: "Sequence[ImageLike]" = ()
    style_masks: "Sequence[ImageLike]" = ()
    initial: "ImageLike | None" = None
    canvas: tuple[int, int] = (0, 0)
    upscale: int = 1
    memory: str = ""

    @property
    def inputs(self) -> list[Path]:
        """All files that it reads."""
        names = [*self.config.mask, *self.config.style_mask]
        names += [] if self.config.init in STARTS else [self.config.init]
        files = [Path(image) for image in self._images() if isinstance(image, str | os.PathLike)]
        return [*files, *map(Path, names)]

    @property
    def bounded(self) -> StyleConfig:
        """The config with the memory limit to keep to."""
        return dataclasses.replace(self.config, memory=self.memory or self.config.memory)

    def settings(self, steps: int) -> dict[str, Any]:
        """What is stored in the picture: how it was made, after so many steps."""
        from velatura.images.io import name_of
        from velatura.version import __version__

        return {
            "velatura": __version__,
            "content": None if self.content is None else name_of(self.content),
            "styles": [name_of(style) for style in self.styles],
            "steps": steps,
            "config": self.config.as_dict(),
        }

    def save(self, folder: Path) -> None:
        """Write it to `folder`, with checksums of the images."""
        make_folder(folder)
        with atomic_path(folder / FILE_NAME) as temporary:
            temporary.write_text(json.dumps(self._as_dict(), indent=2), encoding="utf-8")

    def resumed(self, folder: Path) -> "Job":
        """The job with the memory that the same one was saved in `folder` with.

        The time limit and the output may be others. Raises ConfigError if `folder` holds another
        painting, CheckpointError if what it holds is damaged.
        """
        try:
            stored, mine = _read(folder), json.loads(json.dumps(self._as_dict()))
            memory = entry(stored, "memory", str)
            for values in (stored, mine):
                entry(values, "config", dict)["max_seconds"] = None
                del values["memory"], values["output"]
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder}: holds no painting to go on with ({error})") from error
        if any(stored.get(key) != value for key, value in mine.items()):
            raise ConfigError(
                f"checkpoint: {folder} holds another painting that is not finished; name another "
                "folder"
            )
        return dataclasses.replace(self, memory=memory)

    @classmethod
    def load(cls, folder: Path) -> "Job":
        """The inverse of `save`. Raises CheckpointError if an image has changed since."""
        try:
            stored = _read(folder)
            sides = entry(stored, "canvas", list)
            job = cls(
                None if stored["content"] is None else _path(stored, "content"),
                _paths(stored, "styles"),
                StyleConfig.from_dict(entry(stored, "config", dict)),
                None if stored["output"] is None else _path(stored, "output"),
                _paths(stored, "masks"),
                _paths(stored, "style_masks"),
                None if stored["initial"] is None else _path(stored, "initial"),
                (entry(sides, 0, int), entry(sides, 1, int)),
                entry(stored, "upscale", int),
                entry(stored, "memory", str),
            )
            if not job.content and not all(16 <= side < 10**6 for side in job.canvas):
                raise ValueError(f"canvas: expected two sides in pixels, got {job.canvas}")
            if job.upscale not in (1, *SCALES):
                raise ValueError(f"upscale: expected 1 or one of {SCALES}")
            checksums = entry(stored, "sha256", dict)
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder}: holds no painting to go on with ({error})") from error
        for path in job.inputs:
            if str(path).startswith(IN_MEMORY):
                raise ConfigError(
                    f"{folder}: expected a painting of image files, got one of images in memory; "
                    "call stylize again with the same images and this checkpoint"
                )
            try:
                same = sha256(path) == checksums.get(str(path))
            except ImageError as error:
                raise CheckpointError(str(error)) from error
            if not same:
                raise CheckpointError(
                    f"{path}: expected the image as it was at the start, it changed"
                )
        return job

    def _images(self) -> "Iterator[ImageLike]":
        for image in (self.content, *self.styles, *self.masks, *self.style_masks, self.initial):
            if image is not None:
                yield image

    def _as_dict(self) -> dict[str, Any]:
        return {
            "content": None if self.content is None else _stored(self.content),
            "styles": [_stored(style) for style in self.styles],
            "masks": [_stored(mask) for mask in self.masks],
            "style_masks": [_stored(mask) for mask in self.style_masks],
            "initial": None if self.initial is None else _stored(self.initial),
            "output": None if self.output is None else str(self.output.resolve()),
            "config": self._config_anywhere().as_dict(),
            "canvas": self.canvas,
            "upscale": self.upscale,
            "memory": self.memory,
            "sha256": {str(path.resolve()): sha256(path) for path in self.inputs},
        }

    def _config_anywhere(self) -> StyleConfig:
        """The config with its paths made absolute, so that any folder will do to go on from."""
        paths: dict[str, Any] = {
            name: tuple(str(Path(path).resolve()) for path in getattr(self.config, name))
            for name in ("mask", "style_mask")
        }
        if self.config.init not in STARTS:
            paths["init"] = str(Path(self.config.init).resolve())
        return dataclasses.replace(self.config, **paths)


def sha256(path: Path) -> str:
    """The checksum of a file. Raises ImageError if it cannot be read."""
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for names too long
        raise ImageError(f"{path}: expected a file, found none")
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror or error})") from error


def _stored(image: "ImageLike") -> str:
    """An image as the file of a job names it: its path, or a checksum of its pixels."""
    if isinstance(image, str | os.PathLike):
        return str(Path(image).resolve())
    from velatura.images.io import read

    picture = read(image)
    digest = hashlib.sha256(str(tuple(picture.pixels.shape)).encode())
    for tensor in (picture.pixels, picture.alpha):
        if tensor is not None:
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return IN_MEMORY + digest.hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    """What is in the file of a job; those of older versions lack some entries."""
    older: dict[str, Any] = {"masks": [], "style_masks": [], "initial": None, "memory": ""}
    return older | read_object((folder / FILE_NAME).read_text(encoding="utf-8"))


def _path(stored: dict[str, Any], key: str) -> Path:
    return Path(entry(stored, key, str))


def _paths(stored: dict[str, Any], key: str) -> list[Path]:
    listed = entry(stored, key, list)
    return [Path(entry(listed, k, str)) for k in range(len(listed))]
