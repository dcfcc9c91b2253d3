"""The studio's work folder: finished pictures, what was used lately, what is being painted."""

import contextlib
import filecmp
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

from velatura.errors import ConfigError, ImageError, VelaturaError, in_one_line
from velatura.files import atomic_path, make_folder, numbered
from velatura.images.io import inspect, read_image, read_settings
from velatura.samples import PAINTINGS, PHOTOGRAPHS, sample
from velatura.untrusted import read_object

if TYPE_CHECKING:
    from velatura.training.registry import Registry

MOST_BYTES = 64_000_000  # of an upload
MOST_PIXELS = 40_000_000  # of an upload; a float32 image of as many takes 480 MB
SECONDS_KEPT = 24 * 3600  # of an upload
SCRATCH = "scratch-"
KEPT = 24  # photographs and paintings used lately, of each
SECONDS_WAITING = 6 * 3600  # in which what was used may still be waited for by a job in the queue
SHELVES = ("photographs", "paintings", "masks")
SAMPLES = {"photographs": PHOTOGRAPHS, "paintings": PAINTINGS}
ENDINGS = {"JPEG": ".jpg", "TIFF": ".tif"}  # others end in their format's name


class Entry(NamedTuple):
    """A place for a picture that is not painted yet, and the note that it is being painted."""

    picture: Path
    note: Path


class Folder:
    """A folder that the person chose. Everything the studio reads or writes is in it.

    `lost` names the pictures that were being painted when a studio of this folder was killed.
    Raises FileError if it cannot be written to, ConfigError if another studio works in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.pictures = self.path / "pictures"
        self.uploads = self.path / "uploads"
        self.running = self.path / "running"
        for folder in (self.pictures, self.uploads, self.running, *map(self.shelf, SHELVES)):
            make_folder(folder)
        self._mine = self.running / "process"
        self._claim()
        self._forget_uploads()
        for shelf, names in SAMPLES.items():
            for name in names:
                shutil.copy2(sample(name), self.shelf(shelf) / name)
        self.lost = [_lost(note) for note in sorted(self.running.glob("*.json"))]

    def close(self) -> None:
        """Delete the uploads and let other studios work here."""
        self._forget_uploads()
        self._mine.unlink(missing_ok=True)

    def _claim(self) -> None:
        me = psutil.Process()
        try:
            pid, created = json.loads(self._mine.read_text())
            other = pid != me.pid and psutil.Process(pid).create_time() == created
        except (OSError, ValueError, TypeError, psutil.Error):
            other = False  # nobody, or one that was killed
        if other:
            raise ConfigError(
                f"folder: another studio works in {self.path} (process {pid}); "
                "name another with --folder"
            )
        with atomic_path(self._mine) as temporary:
            temporary.write_text(json.dumps([me.pid, me.create_time()]))

    def _forget_uploads(self) -> None:
        shutil.rmtree(self.uploads, ignore_errors=True)
        make_folder(self.uploads)

    def shelf(self, name: str) -> Path:
        """Where pictures of a kind that were used lately are kept."""
        return self.path / name

    def at_hand(self, shelf: str) -> list[Path]:
        """What lies on a shelf, the latest first."""
        return _latest_first(self.shelf(shelf).iterdir())

    def finished(self) -> list[Path]:
        """The finished pictures, the latest first."""
        return _latest_first(self.pictures.glob("*.png"))

    def accept(self, file: Any, decode: bool = True) -> Path:
        """The path of what a form calls a file, if it is a picture of this folder.

        Raises ImageError for anything else. Where `decode` is false damage is not looked for.
        """
        path = self.uploaded(file)
        _check(path, decode)
        return path

    def uploaded(self, file: Any) -> Path:
        """The path of what a form calls a file. Raises ImageError if it is not of this folder."""
        named = file.get("path") if isinstance(file, dict) else None
        try:
            path = Path(named or "").resolve()
        except (TypeError, ValueError, OSError, RuntimeError):  # no name of a file
            path = Path()
        if not named or self.path not in path.parents:
            raise ImageError("expected a picture that was uploaded here")
        return path

    def uploaded_bytes(self) -> int:
        """How much is kept of what was uploaded."""
        total = 0
        for root, _, names in os.walk(self.uploads):
            for name in names:
                with contextlib.suppress(OSError):  # gone meanwhile
                    total += Path(root, name).lstat().st_size
        return total

    def take(self, file: Any, shelf: str) -> Path:
        """What a form calls a file, put on a shelf. Raises ImageError if it is no picture here."""
        return self.keep(self.uploaded(file), shelf)

    def keep(self, path: Path, shelf: str) -> Path:
        """Put a copy of `path` on a shelf, under its own name where that is free.

        Raises ImageError, and keeps nothing, if it cannot be read as a picture to its end.
        """
        folder = self.shelf(shelf)
        if path.parent == folder:
            path.touch()
            return path
        form = _check(path)
        kept = _put(path, folder, ENDINGS.get(form, f".{form.lower()}"))
        others = [path for path in self.at_hand(shelf) if path.name not in SAMPLES.get(shelf, ())]
        for old in others[KEPT:]:
            with contextlib.suppress(OSError):  # gone meanwhile
                if time.time() - old.stat().st_mtime > SECONDS_WAITING:
                    old.unlink()
        return kept

    def models(self, registry: "Registry[Any]") -> dict[str, Path]:
        """Models of a kind by name: those of the package, then those in `styles` or `models`."""
        own = sorted((self.path / f"{registry.kind}s").glob("[!.]*.safetensors"))
        return {**registry.shipped(), **{path.name: path for path in own}}

    def keep_model(self, path: Path, registry: "Registry[Any]") -> Path:
        """Put a copy of a model among those of its kind."""
        folder = self.path / f"{registry.kind}s"
        make_folder(folder)
        return _put(path, folder, ".safetensors")

    def scratch(self) -> Path:
        """A new folder for a while, among the uploads; those of yesterday are deleted."""
        for old in self.uploads.glob(f"{SCRATCH}*"):
            if time.time() - old.stat().st_mtime > SECONDS_KEPT:
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=SCRATCH, dir=self.uploads))

    def find(self, name: str, shelf: str) -> Path | None:
        """What lies under a name on a shelf (or among the `pictures`), if anything does."""
        path = self.shelf(shelf) / name
        return path if path.name == name and _is_own(path) else None

    def begin(self, photograph: Path, paintings: list[Path]) -> Entry:
        """A free name for a picture, and a note that it is being painted."""
        stem = "-".join(path.stem for path in (photograph, *paintings))[:80]
        text = json.dumps(
            {
                "content": photograph.name,
                "styles": [path.name for path in paintings],
                "began": time.strftime("%Y-%m-%d %H:%M"),
            }
        )
        for picture in numbered(self.pictures / f"{stem}.png"):
            note = self.running / f"{picture.stem}.json"
            if picture.exists():
                continue
            try:
                with note.open("x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                continue
            return Entry(picture, note)
        raise AssertionError  # there is no end of names

    def settings(self, name: str) -> dict[str, Any]:
        """How a finished picture was made. Raises ImageError if there is none of that name."""
        path = self.find(name, "pictures")
        if path is None:
            raise ImageError(f"{name}: expected a finished picture of the studio, found nothing")
        return read_settings(path)

    def without_paths(self, text: str) -> str:
        """`text` with names in place of paths, of this folder or any other."""
        text = re.sub(re.escape(f"{self.path}{os.sep}") + r"(?:[\w.-]+[/\\])*", "", text)
        return re.sub(r"(?<![\w:/\\.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:'\"]+[/\\])+", "", text)


def _check(path: Path, decode: bool = True) -> str:
    """Pillow's name of a picture's format. Raises ImageError if it is too large or damaged."""
    try:
        form = inspect(path, MOST_PIXELS, decode=False)
        if decode:
            read_image(path)  # as it is read later, which is more than to decode it
    except VelaturaError:
        raise
    except Exception as error:  # out of memory, mostly
        raise ImageError(f"{path}: cannot be read ({in_one_line(error)})") from error
    return form


def _latest_first(paths: Iterable[Path]) -> list[Path]:
    found = []
    for path in paths:
        if not path.name.startswith(".") and _is_own(path):
            with contextlib.suppress(OSError):  # gone meanwhile
                found.append((-path.stat().st_mtime, path.name, path))
    return [path for _, _, path in sorted(found)]


def _is_own(path: Path) -> bool:
    """Whether there is a file, and no link out of the folder, with a name that a page can show."""
    try:
        path.name.encode()
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _put(path: Path, folder: Path, ending: str) -> Path:
    """A copy of `path` in `folder`, under its own name where that is free."""
    for kept in numbered(folder / f"{_plain(path.stem)}{ending}"):
        if not kept.exists():
            with atomic_path(kept) as temporary:
                shutil.copyfile(path, temporary)
            return kept
        if filecmp.cmp(kept, path, shallow=False):
            kept.touch()
            return kept
    raise AssertionError  # there is no end of names


def _plain(stem: str) -> str:
    """A file name of letters, digits and the like, none of it a path."""
    return re.sub(r"[^\w().-]+", "_", stem).strip("._")[:60] or "picture"


def _lost(note: Path) -> str:
    """What a note of a killed studio says; the note is gone afterwards."""
    try:
        stored = read_object(note.read_text(encoding="utf-8"))
        told = f"{stored['content']} × {', '.join(stored['styles'])}, begun {stored['began']}"
    except (OSError, ValueError, KeyError, TypeError):
        told = "the note of it is damaged"
    note.unlink(missing_ok=True)
    return f"{note.stem} ({told})"
