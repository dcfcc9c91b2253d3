"""What a command was asked to paint, kept so that another process can go on with it."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.cli.progress import is_first
from velatura.errors import ImageError
from velatura.files import atomic_path, make_folder
from velatura.painting.config import STARTS, StyleConfig

COMMISSION = "painting.json"


@dataclass(frozen=True)
class Commission:
    """What is to be painted, in what style, and where the picture goes.

    Without a photograph, `canvas` (width, height) says how large the picture is.
    """

    content: Path | None
    styles: list[Path]
    output: Path
    config: StyleConfig
    canvas: tuple[int, int] = (0, 0)
    first: str = ""  # a shipped one-pass style that paints what to begin with
    upscale: int = 1  # how many times the picture is enlarged when it is done
    memory: str = ""  # the limit that was free at the start, where `config` says auto

    @property
    def inputs(self) -> list[Path]:
        """All images that it reads."""
        masks = [Path(path) for path in (*self.config.mask, *self.config.style_mask)]
        init = [] if self.config.init in STARTS else [Path(self.config.init)]
        return [*([self.content] if self.content else []), *self.styles, *masks, *init]

    @property
    def bounded(self) -> StyleConfig:
        """The config with the memory that it is to keep to."""
        return dataclasses.replace(self.config, memory=self.memory or self.config.memory)

    def save(self, folder: Path) -> None:
        """Write it to `folder`, with checksums of the images it names."""
        if not is_first():
            return
        make_folder(folder)
        with atomic_path(folder / COMMISSION) as temporary:
            temporary.write_text(json.dumps(self._as_dict(), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Commission":
        """The inverse of `save`. Raises ImageError if an image has changed since."""
        try:
            text = (folder / COMMISSION).read_text(encoding="utf-8")
            stored = json.loads(text)
            width, height = stored["canvas"]
            commission = cls(
                Path(stored["content"]) if stored["content"] else None,
                [Path(style) for style in stored["styles"]],
                Path(stored["output"]),
                StyleConfig.from_dict(stored["config"]),
                (width, height),
                str(stored["first"]),
                int(stored["upscale"]),
                str(stored.get("memory", "")),
            )
            checksums = dict(stored["sha256"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageError(f"{folder}: holds no painting to go on with ({error})") from error
        for path, checksum in checksums.items():
            if sha256(Path(path)) != checksum:
                raise ImageError(f"{path}: expected the image as it was at the start, it changed")
        return commission

    def _as_dict(self) -> dict[str, Any]:
        return {
            "content": str(self.content.resolve()) if self.content else None,
            "styles": [str(path.resolve()) for path in self.styles],
            "output": str(self.output.resolve()),
            "config": self._config_anywhere().as_dict(),
            "canvas": self.canvas,
            "first": self.first,
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
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror or error})") from error
