"""The files that a command reads and writes: declared, kept apart, and not lost for small reasons.

`-` is the standard input or output: a file takes its place while the command runs.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from velatura.cli.progress import STAND_INS, say
from velatura.errors import ConfigError, FileError, ImageError, VelaturaError
from velatura.files import Claims, cannot_write, free

STREAM = "-"
STDOUT = "stdout.png"
PREFIX = "velatura-"


class Outputs:
    """What a run reads and writes, and whether something could not be written."""

    def __init__(self) -> None:
        self.claims = Claims()
        self.failed = False
        self._told: set[Path] = set()

    def keep(self, path: Path, write: Callable[[Path], object]) -> Path:
        """Write what must not be lost; returns where it is.

        Where `path` will not do, it is a PNG beside it or, at last, among the temporary files, and
        that is said. Raises what `write` raised if there is no place at all.
        """
        try:
            write(path)
        except (ImageError, FileError) as error:
            self.failed = True
            for place in (_beside, _elsewhere):
                with contextlib.suppress(VelaturaError, OSError):
                    other = place(path)
                    write(other)
                    say(f"velatura: {error}; the picture is in {other}")
                    return other
            raise
        return path

    def attempt(self, path: Path, write: Callable[[], object]) -> bool:
        """Write a file beside the picture. What goes wrong is said, once for each `path`."""
        try:
            write()
        except Exception as error:  # whatever it is, the picture is worth more
            self.tell(path, error)
            return False
        return True

    def tell(self, path: Path, error: Exception) -> None:
        """Say, once for each `path`, that it could not be written; the command has failed."""
        if path not in self._told:
            told = error if isinstance(error, VelaturaError) else cannot_write(path, error)
            say(f"velatura: {told}")
        self._told.add(path)
        self.failed = True


def add_input(
    parser: argparse.ArgumentParser,
    *names: str,
    type: Callable[[str], Any] = Path,
    endings: Collection[str] = (),
    **options: Any,
) -> None:
    """An argument that names what is read; of folders, all that is in them with these `endings`."""
    action = parser.add_argument(*names, type=type, **options)
    declare_input(parser, action.dest, endings)


def declare_input(
    parser: argparse.ArgumentParser, name: str, endings: Collection[str] = ()
) -> None:
    """Say that the argument called `name` names what is read."""
    parser.set_defaults(reads={**(parser.get_default("reads") or {}), name: tuple(endings)})


def add_output(
    parser: argparse.ArgumentParser,
    *names: str,
    type: Callable[[str], Any] = Path,
    picture: bool = False,
    **options: Any,
) -> None:
    """An argument that names what is written; a `picture` may go to the standard output."""
    action = parser.add_argument(*names, type=type, **options)
    parser.set_defaults(writes={**(parser.get_default("writes") or {}), action.dest: picture})


@contextmanager
def outputs_of(arguments: argparse.Namespace) -> Iterator[Outputs]:
    """The Outputs of a command, also as `arguments.outputs`; all that it names is claimed.

    Raises:
        FileError: an output is an input, or another output; or the standard input has nothing.
        ConfigError: `-` is named where it cannot be.
    """
    arguments.outputs = outputs = Outputs()
    with contextlib.ExitStack() as until_end:
        read, written = _streams(arguments, "reads"), _streams(arguments, "writes")
        if read or written:
            if getattr(arguments, "checkpoint", None):
                raise ConfigError(f"checkpoint: expected files to go on with, got {STREAM}")
            folder = Path(until_end.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX)))
        if read:
            _read_stdin(arguments, read, folder / "stdin")
        if written:
            _redirect_stdout(arguments, written, folder / STDOUT)
            until_end.callback(_write_stdout, folder / STDOUT)
        for option, endings in getattr(arguments, "reads", {}).items():
            for path in _named(arguments, option):
                if endings and path.is_dir():
                    outputs.claims.read_folder(path, endings)
                outputs.claims.read(path)
        for option in getattr(arguments, "writes", {}):
            outputs.claims.write(*_named(arguments, option))
        yield outputs


def _beside(path: Path) -> Path:
    return free(path.with_suffix(".png"))


def _elsewhere(path: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=PREFIX)) / f"{path.stem}.png"


def shown(path: Path) -> str:
    """The name of an output as it was asked for."""
    return STREAM if path.name == STDOUT and path.parent.name.startswith(PREFIX) else str(path)


def _named(arguments: argparse.Namespace, option: str) -> list[Path]:
    """The paths that an argument was given, of whatever type it is."""
    return [Path(path) for path in _flat(getattr(arguments, option, None)) if path]


def _flat(value: Any) -> Iterator[Any]:
    """What lists in lists hold."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _streams(arguments: argparse.Namespace, kind: str) -> list[str]:
    """The options of a kind that name the standard input or output, as often as they do."""
    options = getattr(arguments, kind, {})
    return [option for option in options for path in _named(arguments, option) if _is(path)]


def _read_stdin(arguments: argparse.Namespace, asked: list[str], file: Path) -> None:
    """Put what comes from the standard input into `file`, and its name where it was asked for."""
    if len(asked) > 1:
        raise ConfigError(f"{STREAM}: expected one input from the standard input, got {len(asked)}")
    if sys.stdin is None or sys.stdin.isatty():
        raise FileError(f"{STREAM}: expected a file on the standard input, got none")
    STAND_INS[str(file)] = STREAM
    with file.open("wb") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)

    def named(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(named, value))
        return type(value)(file) if _is(value) else value

    setattr(arguments, asked[0], named(getattr(arguments, asked[0])))


def _redirect_stdout(arguments: argparse.Namespace, asked: list[str], file: Path) -> None:
    """Put the name of `file` where the standard output was asked for."""
    if sys.stdout is None:
        raise FileError(f"{STREAM}: expected a standard output, it is closed")
    STAND_INS[str(file)] = STREAM
    for option in asked:
        if not arguments.writes[option]:
            raise ConfigError(f"{option.replace('_', '-')}: expected a name, got {STREAM}")
        if getattr(arguments, "json", False):
            raise ConfigError("json: expected a picture in a file, the standard output has it")
        setattr(arguments, option, file)


def _write_stdout(file: Path) -> None:
    if file.exists():
        with file.open("rb") as picture:
            shutil.copyfileobj(picture, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _is(path: object) -> bool:
    return str(path) == STREAM
