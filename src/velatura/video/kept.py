"""Painted frames in a folder beside the output, so that the same job goes on after any stop."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velatura.errors import ConfigError
from velatura.files import atomic_path, cannot_write, make_folder
from velatura.video.reading import Pixels

JOB = "job.json"
ENDING = ".unfinished"
AT_ONCE = 1 << 20  # bytes of a file


class KeptFrames:
    """Frames without loss, a PNG each.

    Args:
        output: the film, or the folder of pictures, that they are for.
        job: what they depend on; frames of another one are not mixed with these.

    Raises:
        ConfigError: the folder holds the frames of another job.
        FileError: it cannot be made.
    """

    def __init__(self, output: Path, job: dict[str, Any]) -> None:
        self.folder = output.with_name(output.name + ENDING)
        self.memory = str(job["memory"])
        file = self.folder / JOB
        if self.folder.exists():
            try:
                stored = json.loads(file.read_text(encoding="utf-8"))
                self.memory, stored["memory"] = str(stored["memory"]), None
                same = stored == json.loads(json.dumps(job | {"memory": None}))
            except (OSError, ValueError, KeyError, TypeError):
                same = False
            if not same:
                raise ConfigError(
                    f"output: {self.folder} holds the frames of another job that is not finished; "
                    "delete that folder or name another output"
                )
            return
        make_folder(self.folder)
        with atomic_path(file) as temporary:
            temporary.write_text(json.dumps(job, indent=2), encoding="utf-8")

    def load(self, number: int) -> Pixels | None:
        """A frame (height, width, 3), if it is there."""
        path = self._path(number)
        if not path.exists():
            return None
        with Image.open(path) as image:
            return np.array(image)

    def save(self, number: int, pixels: Pixels) -> None:
        """Keep a frame. Raises FileError if that cannot be done."""
        with atomic_path(self._path(number)) as temporary:
            Image.fromarray(pixels).save(temporary, "PNG", compress_level=1)

    def clear(self) -> None:
        """Delete all: the film is finished."""
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    @property
    def is_empty(self) -> bool:
        """Whether no frame is kept."""
        return not any(self.folder.glob("*.png"))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.png"


def digest(path: Path) -> str:
    """SHA-256 of a file of any size."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(AT_ONCE):
            found.update(block)
    return found.hexdigest()
