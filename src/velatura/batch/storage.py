"""Files on disks, in object stores and on the web, through fsspec."""

import posixpath
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from velatura.errors import ConfigError, FileError, ImageError
from velatura.extras import import_extra
from velatura.files import cannot_write, make_folder, one_line
from velatura.images.finding import is_picture

WHAT, EXTRA = "batch", "cluster"


def fsspec() -> Any:
    """The library. Raises ConfigError if it is not installed."""
    return import_extra("fsspec", EXTRA, WHAT)


def is_local(uri: str) -> bool:
    """Whether `uri` is a path of this machine."""
    return "://" not in uri or uri.startswith(("file://", "local://"))


def file_system(uri: str) -> tuple[Any, str]:
    """The file system of `uri`, and the path in it. Raises ConfigError where there is none."""
    try:
        return fsspec().core.url_to_fs(uri)
    except (ValueError, ImportError) as error:
        raise ConfigError(
            f"{uri}: expected a path, s3://, gs://, az:// or http(s)://; {error}"
        ) from (error)


def read_bytes(uri: str) -> bytes:
    """The contents of a file. Raises ImageError if it cannot be read."""
    files, path = file_system(uri)
    try:
        return bytes(files.cat_file(path))
    except Exception as error:  # every store has errors of its own
        why = getattr(error, "strerror", None) or one_line(error) or type(error).__name__
        raise ImageError(f"{uri}: cannot be read ({why})") from error


def pictures(uri: str) -> Iterator[tuple[str, str]]:
    """URI and path below `uri` of each picture in a folder and its subfolders, or of a pattern."""
    files, path = file_system(uri)
    if any(mark in path for mark in "*?["):
        found = sorted(files.glob(path))
        root = posixpath.dirname(
            path[: min(path.index(mark) for mark in "*?[" if mark in path)] + "x"
        )
    else:
        found, root = sorted(files.find(path)), path.rstrip("/")
    for one in found:
        below = posixpath.relpath(one, root) if root else one
        hidden = any(part.startswith((".", "_")) for part in below.split("/"))
        if is_picture(Path(one)) and not hidden:
            yield (one if is_local(uri) else files.unstrip_protocol(one)), below


class Target:
    """The folder that a batch writes to. Every file in it is written whole, or not at all."""

    def __init__(self, uri: str) -> None:
        self.uri, self.is_local = uri.rstrip("/"), is_local(uri)

    def place(self, name: str) -> str:
        """The URI of the file `name` in it."""
        return f"{self.uri}/{name}"

    def put(self, name: str, write: Callable[[Path], object]) -> str:
        """Let `write` make the file `name`; return its URI. Raises FileError or what it raises."""
        place = self.place(name)
        if self.is_local:
            make_folder(Path(place).parent)
            write(Path(place))
            return place
        files, path = file_system(place)
        with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
            local = Path(folder) / posixpath.basename(name)
            write(local)
            try:
                files.put_file(str(local), path)
            except Exception as error:  # every store has errors of its own
                raise cannot_write(Path(place), error) from error
        return place

    def list(self, folder: str) -> list[str]:
        """The paths of the files in one of its folders, sorted; none if there is no folder."""
        files, path = file_system(self.place(folder))
        try:
            return sorted(files.find(path))
        except FileNotFoundError:
            return []

    def exists(self, name: str) -> bool:
        """Whether there is a file `name`."""
        files, path = file_system(self.place(name))
        return bool(files.exists(path))


def check_target(target: Target) -> None:
    """Raise FileError now if nothing can be written there."""
    try:
        target.put("manifest.parquet/.started", lambda path: path.write_bytes(b""))
    except OSError as error:
        raise FileError(f"{target.uri}: cannot be written to ({one_line(error)})") from error
