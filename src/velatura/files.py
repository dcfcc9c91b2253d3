"""Files that are written: whole or not at all, where there is a place, never over an input."""

import contextlib
import functools
import itertools
import os
import platform
import re
import shutil
import stat
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from velatura.errors import FileError, in_one_line, is_out_of_memory

_SCRATCH = re.compile(r"\.velatura-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{16}")
SECONDS_KEPT = 24 * 3600  # of what a writer left, if it cannot be told to have ended
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary file that becomes `path` if the block ends well.

    Where `path` is a link, what it leads to is written; the rights of a file that is there are
    kept. The temporary file has a folder of its own beside it, in which the block may leave others.

    Raises FileError where `check_place` does, and where the block or the renaming meets an OSError.
    """
    try:
        target = _target(path)
        with _scratch(target.parent) as folder:
            temporary = folder / target.name
            temporary.touch(exist_ok=False)
            usual = temporary.stat().st_mode
            yield temporary
            if before := _state(target):
                with contextlib.suppress(OSError, AttributeError):  # not ours to give away
                    os.chown(temporary, before.st_uid, before.st_gid)
            temporary.chmod(stat.S_IMODE(before.st_mode if before else usual))
            temporary.replace(target)
    except OSError as error:
        raise cannot_write(path, error) from error


def append(path: Path, text: str, anew: bool = False) -> None:
    """Add `text` to a file, which is made if need be, or begun `anew`; devices will do.

    Raises FileError if it cannot be written.
    """
    try:
        _target(path, regular=False)
        with path.open("w" if anew else "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise cannot_write(path, error) from error


def check_place(path: Path) -> None:
    """Raise FileError now if a file of any kind cannot be written at `path`.

    It is a folder or a device, it is read-only, there is no folder for it, or that is read-only.
    """
    try:
        with _scratch(_target(path).parent):
            pass
    except OSError as error:
        raise cannot_write(path, error) from error


def is_scratch(name: str) -> bool:
    """Whether a folder of this name is where a writer works, or one that was killed has."""
    return _SCRATCH.fullmatch(name) is not None


def make_folder(path: Path) -> None:
    """Make the folder `path` if it does not exist. Raises FileError if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{path}: expected a folder to write to ({error.strerror or error})"
        ) from error


def numbered(path: Path) -> Iterator[Path]:
    """`a.png`, then `a-2.png`, `a-3.png` and so on without end."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def free(path: Path) -> Path:
    """The first of `numbered` that nothing has."""
    return next(name for name in numbered(path) if not os.path.lexists(name))


def one_line(error: BaseException) -> str:
    """What an error says, for a message of one line."""
    if is_out_of_memory(error):
        return in_one_line(error)
    return " ".join(str(error).split()) or type(error).__name__


class Claims:
    """The files that a run reads and those that it writes: no two may be one where one is written.

    Links, hard links and other spellings of a name are seen through. Folders and devices are
    nobody's.
    """

    def __init__(self) -> None:
        self._read: dict[object, Path] = {}
        self._written: dict[object, Path] = {}
        self._folders: list[tuple[Path, tuple[str, ...]]] = []

    def read(self, *paths: Path) -> None:
        """Claim files to be read. Raises FileError if one of them is to be written."""
        for path in paths:
            keys = _keys(path)
            for key in keys:
                if key in self._written:
                    raise _is_input(self._written[key], path)
            self._read.update(dict.fromkeys(keys, path))

    def read_folder(self, folder: Path, endings: Collection[str]) -> None:
        """Claim all files with these endings that are in `folder` or in the folders in it."""
        self._folders.append((Path(os.path.realpath(folder)), tuple(endings)))
        for path in self._written.values():
            self._check_folders(path)

    def write(self, *paths: Path) -> None:
        """Claim files to be written. Raises FileError if one is read, or written already."""
        for path in paths:
            self._check_folders(path)
            keys = _keys(path)
            for key in keys:
                if key in self._read:
                    raise _is_input(path, self._read[key])
                if key in self._written:
                    raise FileError(
                        f"{path}: expected another name for each output, "
                        f"this is the same file as {self._written[key]}"
                    )
            self._written.update(dict.fromkeys(keys, path))

    def _check_folders(self, path: Path) -> None:
        real = Path(os.path.realpath(path))
        for folder, endings in self._folders:
            if real.name.lower().endswith(endings) and folder in real.parents and real.exists():
                raise _is_input(path, folder)


def _keys(path: Path) -> list[object]:
    """What tells a file from others, whether it is there or not."""
    real = Path(os.path.realpath(path))
    keys: list[object] = [os.path.normcase(real)]
    with contextlib.suppress(OSError):  # it is not there yet
        found = real.stat()
        if not stat.S_ISREG(found.st_mode):
            return []
        keys.append((found.st_dev, found.st_ino))
    with contextlib.suppress(OSError):
        folder = real.parent.stat()
        keys.append((folder.st_dev, folder.st_ino, real.name))
    return keys


def _is_input(output: Path, path: Path) -> FileError:
    told = "an input" if output == path else f"an input ({path})"
    return FileError(f"{output}: would be overwritten, it is {told}; name another output")


def cannot_write(path: Path, error: Exception) -> FileError:
    """What to raise, or say, when `error` was met in writing `path`."""
    why = getattr(error, "strerror", None) or one_line(error)
    return FileError(f"{path}: cannot be written ({why})")


def _target(path: Path, regular: bool = True) -> Path:
    """The file that is written when `path` is: what a link leads to. Raises FileError, OSError."""
    target = Path(os.path.realpath(path))
    found = _state(target)
    if found and stat.S_ISDIR(found.st_mode):
        raise FileError(f"{path}: expected a file name to write to, got a folder")
    if found and regular and not stat.S_ISREG(found.st_mode):
        raise FileError(f"{path}: expected a file name to write to, got a device or pipe")
    if not target.parent.is_dir():
        shown = target.parent if path.is_symlink() else path.parent
        raise FileError(f"{path}: the folder {shown} does not exist")
    # Nobody is asked whether the system would let us: it lets an administrator do anything.
    if found and not (found.st_mode & _WRITABLE and os.access(target, os.W_OK)):
        raise FileError(f"{path}: cannot be written, the file is read-only")
    if (regular or not found) and not target.parent.stat().st_mode & _WRITABLE:
        raise FileError(f"{path}: cannot be written, its folder is read-only")
    return target


def _state(path: Path) -> os.stat_result | None:
    """What is at `path`, if anything is. Raises OSError if that cannot be told."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A new folder in `folder`, which is gone afterwards, whatever is in it."""
    _sweep(str(folder))
    made = folder / f".velatura-{_machine()}-{os.getpid()}-{os.urandom(8).hex()}"
    made.mkdir()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@functools.cache
def _sweep(folder: str) -> None:
    """Delete what writers that were killed have left in `folder`; looked for once a run."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            left = _SCRATCH.fullmatch(entry.name)
            if left and entry.is_dir(follow_symlinks=False) and not _lives(left, entry):
                shutil.rmtree(entry.path, ignore_errors=True)


def _lives(left: re.Match[str], entry: "os.DirEntry[str]") -> bool:
    """Whether the writer of a temporary folder may be at work still."""
    if time.time() - entry.stat().st_mtime > SECONDS_KEPT:
        return False
    if left["machine"] != _machine():
        return True
    import psutil

    return bool(psutil.pid_exists(int(left["pid"])))


@functools.cache
def _machine() -> str:
    """Tells machines and containers apart, in which a process's number means another process."""
    named = [platform.node()]
    with contextlib.suppress(OSError):  # elsewhere than on Linux
        named.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        named.append(str(Path("/proc/self/ns/pid").readlink()))
    return f"{zlib.crc32(' '.join(named).encode()):08x}"
