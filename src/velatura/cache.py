"""What is kept between runs, in a folder of the user's."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from velatura.errors import ConfigError, FileError
from velatura.files import atomic_path, make_folder

DIGEST = 32  # bytes of SHA-256


def folder() -> Path:
    """`$VELATURA_HOME`, else `$XDG_CACHE_HOME/velatura`, else `~/.cache/velatura`.

    Raises ConfigError if the user has no home.
    """
    try:
        if home := os.environ.get("VELATURA_HOME"):
            return Path(home).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velatura"
    except RuntimeError as error:
        raise ConfigError(f"$VELATURA_HOME: expected a folder ({error})") from error


def kept(name: str, of: bytes, make: Callable[[], bytes]) -> bytes:
    """What `make` makes of `of`: made once, then kept as `name` if there is a place for it.

    It is made anew where what is kept is damaged, or was made of something else.
    """
    with contextlib.suppress(OSError, ConfigError):  # it is not kept, or there is no home
        stored = (folder() / name).read_bytes()
        if stored[:DIGEST] == _digest(of, stored[DIGEST:]):
            return stored[DIGEST:]
    made = make()
    with contextlib.suppress(FileError, ConfigError):
        make_folder(folder())
        with atomic_path(folder() / name) as temporary:
            temporary.write_bytes(_digest(of, made) + made)
    return made


def _digest(of: bytes, made: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(of).digest() + made).digest()
