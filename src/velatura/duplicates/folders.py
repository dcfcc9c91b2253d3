"""Which files there are: pictures in folders, without following links in circles."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from velatura.errors import ImageError
from velatura.files import is_scratch

ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff"),
    *(".bmp", ".dib", ".gif", ".avif", ".heic", ".heif"),  # some JPEGs are called HEIC
)
FORKS = "._"  # what macOS keeps beside files on foreign disks begins so


class File(NamedTuple):
    """A file, and what tells that it is still the same."""

    path: str  # absolute
    size: int  # bytes
    modified: int  # nanoseconds since 1970


def odd_kind(mode: int) -> str:
    """What something is if it is no regular file, and opening it may wait for ever; else empty."""
    odd = {
        stat.S_IFIFO: "pipe",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
        stat.S_IFDIR: "folder",
    }
    return odd.get(stat.S_IFMT(mode), "")


def state(path: str) -> File:
    """The file at `path` as it is now. Raises OSError, also for what is no regular file."""
    found = os.stat(path)
    if kind := odd_kind(found.st_mode):
        raise OSError(None, f"expected an image file, got a {kind}", path)
    return File(path, found.st_size, found.st_mtime_ns)


def pictures(places: Iterable[Path]) -> tuple[list[File], dict[str, str]]:
    """All pictures in `places`, in order of their paths, and what could not be listed, with why.

    A place is a folder, looked through with the folders in it, or a file. Pictures are told by
    their name's ending. Links inside a folder are passed over: what they lead to is either found
    by its own name or was not asked for, and they may run in circles. So is what Velatura is about
    to write.

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
            if not os.path.lexists(root):
                raise ImageError(f"{place}: expected a folder or a picture, found nothing")
            add(root)
            continue
        for folder, inner, names in os.walk(root, onerror=refused):
            inner[:] = [name for name in inner if not is_scratch(name)]
            for name in names:
                path = os.path.join(folder, name)
                wanted = name.lower().endswith(ENDINGS) and not name.startswith(FORKS)
                if wanted and not os.path.islink(path):
                    add(path)
    return [files[path] for path in sorted(files)], broken
