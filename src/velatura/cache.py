"""What is kept between runs, in a folder of the user's."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from velatura.errors import ImageError
from velatura.images.io import atomic_path, make_folder


def folder() -> Path:
    """`$VELATURA_HOME`, else `$XDG_CACHE_HOME/velatura`, else `~/.cache/velatura`."""
    if home := os.environ.get("VELATURA_HOME"):
        return Path(home).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velatura"


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """What is kept under `name`; the first time what `make` gives, kept if the disk takes it."""
    path = folder() / name
    with contextlib.suppress(OSError):
        return path.read_bytes()
    made = make()
    with contextlib.suppress(ImageError):
        make_folder(path.parent)
        with atomic_path(path) as temporary:
            temporary.write_bytes(made)
    return made
