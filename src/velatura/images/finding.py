"""Which files in a folder are pictures."""

import os
from pathlib import Path

from velatura.errors import ImageError
from velatura.images import photos
from velatura.images.io import inspect

ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff"),
        *(".bmp", ".dib", ".gif", ".avif"),
    )
)
OTHER_ENDINGS = frozenset((*photos.ENDINGS, ".jp2", ".j2k", ".psd", ".xcf", ".exr", ".hdr", ".tga"))
"""Read by an extra or not at all; whoever tries says so, and nothing is passed over in silence."""


def pictures(folder: Path, recursive: bool = False) -> tuple[list[Path], list[Path]]:
    """The pictures in a folder in order, `recursive` those in its subfolders too, and other files.

    A picture is what is called one, or is one whatever it is called. Hidden files, such as the
    `._a.jpg` of macOS, are neither. Links to folders are not followed.

    Raises:
        ImageError: the folder cannot be listed.
    """
    found: list[Path] = []
    others: list[Path] = []

    def refused(error: OSError) -> None:
        path = Path(error.filename)
        if path == folder:
            raise ImageError(f"{folder}: cannot be listed ({error.strerror or error})") from error
        found.append(path)  # its pictures are missing: whoever tries to read it says so

    for root, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(root, name)
            (found if is_picture(path) else others).append(path)
    return found, others


def is_picture(path: Path) -> bool:
    """Whether a file is called a picture, or is one."""
    if path.exists() and not path.is_file():  # a folder, a pipe, a device
        return False
    if path.suffix.lower() in ENDINGS | OTHER_ENDINGS:
        return True
    try:
        inspect(path, 1 << 62, decode=False)
    except ImageError:
        return False
    return True
