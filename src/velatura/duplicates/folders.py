"""Which files there are: pictures in folders, without following links in circles."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from velatura.errors import ImageError

ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff"),
    *(".bmp", ".dib", ".gif", ".avif"),
)


class File(NamedTuple):
    """A file, and what tells that it is still the same."""

    path: str  # absolute
    size: int  # bytes
    modified: int  # nanoseconds since 1970


def state(path: str) -> File:
    """The file at `path` as it is now. Raises OSError."""
    found = os.stat(path)
    return File(path, found.st_size, found.st_mtime_ns)


def pictures(places: Iterable[Path]) -> tuple[list[File], dict[str, str]]:
    """All pictures in `places`, in order of their paths, and what could not be listed, with why.

    A place is a folder, looked through with the folders in it, or a file. Pictures are told by
    their name's ending. Links inside a folder are passed over: what they lead to is either found
    by its own name or was not asked for, and they may run in circles.

    Raises:
        ImageError: a place does not exist.
    """
    files: dict[str, File] = {}
    broken: dict[str, str] = {}

    def refused(error: OSError) -> None:
        broken[str(error.filename)] = error.strerror or str(error)

    def add(path: str) -> None:
        try:
            files[path] = state(path)
        except OSError as error:  # gone since it was listed, or not ours to look at
            refused(error)

    for place in places:
        root = os.path.realpath(place)
        if not os.path.isdir(root):
            if not os.path.isfile(root):
                raise ImageError(f"{place}: expected a folder or a picture, found nothing")
            add(root)
            continue
        for folder, _, names in os.walk(root, onerror=refused):
            for name in names:
                path = os.path.join(folder, name)
                if name.lower().endswith(ENDINGS) and not os.path.islink(path):
                    add(path)
    return [files[path] for path in sorted(files)], broken
