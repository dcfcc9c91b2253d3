"""Look at every file once: hashes, small squares, descriptors, and which pictures match."""

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from velatura.duplicates import folders
from velatura.duplicates.fingerprints import Describer, Look, look, packed
from velatura.duplicates.folders import File
from velatura.duplicates.index import Index
from velatura.duplicates.matching import Matcher
from velatura.errors import ImageError, TooLargeError
from velatura.files import one_line

THREADS = 3  # that read and decode while the network runs
BATCH = 32  # pictures that the network sees at once


class Progress(NamedTuple):
    """How far a survey is."""

    task: str  # looking, comparing or grouping
    done: int
    total: int


class _Read(NamedTuple):
    """A file that was read."""

    file: File
    content: bytes
    look: Look | None  # None where its content was known already


class Survey:
    """Brings an index up to date with what is in some places, while it is iterated.

    Stop it anywhere: what is known by then is in the index.

    Args:
        index: where it is all written.
        places: folders and files.
        describer: lends the network; it is asked only where nothing cheaper decides.
        add: look also at files elsewhere that the index knows, but not their pictures.

    Raises:
        ImageError: a place does not exist.
    """

    def __init__(
        self, index: Index, places: Sequence[Path], describer: Describer, add: bool = False
    ) -> None:
        self.index, self.describer = index, describer
        self.matcher = Matcher(index, describer.calibration)
        self.files, self.broken = folders.pictures(places)
        self.changed: list[str] = []
        errors, known, unseen = index.errors(), index.files(places), index.unseen()
        elsewhere = [file for path, file in unseen.items() if path not in known] if add else []
        self._fresh = [file for file in elsewhere if _is_there(file)]
        for file in self.files:
            before = known.pop(file.path, None)
            if before != file:
                self._fresh.append(file)
                self.changed += [file.path] if before else []
            elif file.path in unseen:
                self._fresh.append(file)
            elif file.path in errors:
                self.broken[file.path] = errors[file.path]
        # Where a folder cannot be listed, its files may still be there.
        self.vanished = [
            path
            for path in known
            if not any(Path(path).is_relative_to(refused) for refused in self.broken)
        ]
        index.forget(self.vanished)

    def __iter__(self) -> Iterator[Progress]:
        done = 0
        outcomes = self._outcomes()
        while batch := list(itertools.islice(outcomes, BATCH)):
            self._note(batch)
            done += len(batch)
            yield Progress("looking", done, len(self._fresh))
        self.files = [file for file in self.files if file.path not in self.broken]
        for done, total in self.matcher.compare():
            yield Progress("comparing", done, total)

    def _outcomes(self) -> Iterator[tuple[File, _Read | Exception]]:
        """Each fresh file, read ahead by threads, or why it could not be read."""
        known = set(self.index.contents())
        with ThreadPoolExecutor(THREADS) as pool:
            waiting: deque[tuple[File, Future[_Read]]] = deque()
            try:
                for file in itertools.chain(self._fresh, [None] * 2 * BATCH):
                    if file:
                        waiting.append((file, pool.submit(_read, file, known)))
                    if waiting and (file is None or len(waiting) > 2 * BATCH):
                        first, future = waiting.popleft()
                        try:
                            outcome: _Read | Exception = future.result()
                        except Exception as error:  # whatever a file does, the others are looked at
                            outcome = error
                        yield first, outcome
            finally:
                pool.shutdown(cancel_futures=True)

    def _note(self, batch: Sequence[tuple[File, _Read | Exception]]) -> None:
        """Write what was found out about a batch of files."""
        numbers = self.index.contents()
        new: dict[bytes, Look] = {}
        for _, outcome in batch:
            if isinstance(outcome, _Read) and outcome.look and outcome.content not in numbers:
                new[outcome.content] = outcome.look
        seen = self._described(list(new.values()))
        with self.index.transaction():  # short: others may wait to write
            for file, outcome in batch:
                if isinstance(outcome, Exception):
                    self._note_broken(file, outcome)
                else:
                    self.index.remember(outcome.file, outcome.content)
            for place, (content, picture) in enumerate(new.items()):
                size = (picture.width, picture.height)
                self.index.add(content, size, picture.grey, seen.get(place))

    def _described(self, looks: Sequence[Look]) -> dict[int, tuple[bytes, bytes]]:
        """Content and style, by place, of those pictures that the network must look at."""
        undecided = self.matcher.undecided(looks) if looks else []
        if not undecided:
            return {}
        described = self.describer([looks[place] for place in undecided])
        return dict(zip(undecided, zip(*map(packed, described), strict=True), strict=True))

    def _note_broken(self, file: File, error: Exception) -> None:
        message = str(error).removeprefix(f"{file.path}: ")
        if isinstance(error, OSError):
            message = error.strerror or str(error)
        elif isinstance(error, MemoryError):
            message = "out of memory"
        elif not isinstance(error, ImageError):
            message = f"{type(error).__name__}: {one_line(error)}"
        self.broken[file.path] = message
        if _is_lasting(error):
            self.index.remember(file, None, message)


def _is_lasting(error: Exception) -> bool:
    """Whether a file will be as broken next time: neither memory nor the disk refused."""
    cause = error.__cause__
    passing = isinstance(error, TooLargeError) or isinstance(cause, MemoryError)
    passing = passing or (isinstance(cause, OSError) and cause.errno is not None)
    return isinstance(error, ImageError) and not passing


def _is_there(file: File) -> bool:
    try:
        return folders.state(file.path) == file
    except OSError:
        return False


def _read(file: File, known: set[bytes]) -> _Read:
    """Read a file, again if it changes meanwhile.

    Raises:
        ImageError: it is no picture.
        OSError: it cannot be opened, or does not stop changing.
    """
    for _ in range(3):
        before = folders.state(file.path)
        content = content_of(Path(file.path))
        try:
            seen = None if content in known else look(Path(file.path))
        except ImageError:
            if folders.state(file.path) == before:
                raise
            continue
        if folders.state(file.path) == before:
            return _Read(before, content, seen)
    raise OSError(None, "changed while it was read")


def content_of(path: Path) -> bytes:
    """Hash of a file's bytes. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()
