"""What is known of the pictures, kept in a file: SQLite, written as it goes.

A file is known by its path, size and time of modification, a picture by the hash of its bytes. A
file that moved or was copied is not looked at twice. Everything is written in small transactions,
so that an interrupted run goes on where it was, and several may write to one index.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from velatura.duplicates.folders import File, odd_kind
from velatura.duplicates.schema import APPLICATION, FIRST, SECOND, UNSOUND
from velatura.errors import ConfigError, VelaturaError
from velatura.files import one_line

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on

WAIT = 10.0  # seconds for another process to finish what it writes
ERRORS = (sqlite3.Error, UnicodeDecodeError)  # the latter of what SQLite says of damaged names
_ADVICE = {
    "locked": "another program writes to it; try again when that is done",
    "readonly": "it cannot be written to; name another index",
    "full": "make room, or name another index",
    "unable to open": "is there such a folder, and may it be written to?",
}
_DAMAGED = "it is damaged: move it away, and the next run makes a new one"


class Match(NamedTuple):
    """Two pictures, by number, and how alike they are; `one` is the smaller number."""

    one: int
    other: int
    similarity: float
    why: str


class Quality(NamedTuple):
    """How good a picture is among copies of the same size."""

    pixels: bytes  # hash
    loss: int  # see `quality`
    step: float | None  # mean of a JPEG's quantisation steps
    sharpness: float


class Picture(NamedTuple):
    """A picture as the index holds it."""

    number: int
    width: int
    height: int
    grey: bytes  # `fingerprints.Look.grey`
    content_seen: bytes | None  # float16 (numbers,)
    compared: bool


class Index:
    """An index in a file, or in memory if `path` is None; a context that closes it.

    `version` names what fingerprints are made with. Those of another version are forgotten, the
    files and what people said about them are not. A file that is no index is never written to.

    Raises:
        ConfigError: the file is something else or cannot be opened; in the context, for whatever
            SQLite meets: a full disk, a damaged file, another process that does not finish.
    """

    def __init__(self, path: Path | None, version: str, read_only: bool = False) -> None:
        self.path, self.read_only = path, read_only
        try:
            if path is not None:
                self._check(path, may_be_new=not read_only)
            self.rows = _connect(path, "ro" if read_only else "rwc")
            try:
                if read_only:
                    self._check_version(version)
                else:
                    with self.transaction():
                        self._prepare(version)
            except BaseException:
                self.rows.close()
                raise
        except ERRORS as error:
            raise self._failed(error) from error

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, ERRORS):
                raise self._failed(error) from error
            unexpected = isinstance(error, Exception) and not isinstance(error, VelaturaError)
            if unexpected and self._is_damaged():
                raise ConfigError(f"{self.path}: {_DAMAGED}") from error
        finally:
            self.close()

    def _check(self, path: Path, may_be_new: bool) -> None:
        """Raise ConfigError unless there is an index at `path`, or what one can be made of.

        Nothing is written, locked or rolled back, whosever file it is.
        """
        try:
            if kind := odd_kind(path.stat().st_mode):
                raise self._foreign(f"got a {kind}")
            with path.open("rb") as file:
                header = file.read(100)
        except FileNotFoundError:
            if may_be_new:
                return
            raise ConfigError(
                f"{path}: expected an index, found nothing; "
                "make one with `velatura duplicates DIR --index FILE`"
            ) from None
        except OSError as error:
            raise self._foreign(error.strerror or str(error)) from error
        if not header and may_be_new:
            return  # nothing yet: a disk was full when it was made
        mark = int.from_bytes(header[68:72], "big")
        plain = header.startswith(b"SQLite format 3\0") and header[18:20] == b"\1\1"  # no WAL
        if not plain or mark not in (0, APPLICATION):
            raise self._foreign("got another kind of file")
        with closing(_connect(path, "ro&immutable=1")) as rows:
            if not self._state(rows):
                raise self._foreign("got an empty database")

    def _state(self, rows: sqlite3.Connection) -> int:
        """How many of FIRST and SECOND have been done. Raises ConfigError if it is no index."""
        (mark,) = rows.execute("PRAGMA application_id").fetchone()
        found = (mark, _schema(rows))
        for state, steps in enumerate(((), FIRST, FIRST + SECOND)):
            with closing(_connect(None)) as model:
                for step in steps:
                    model.execute(step)
                (wanted,) = model.execute("PRAGMA application_id").fetchone()
                if found == (wanted, _schema(model)):
                    return state
        if mark == APPLICATION:
            raise ConfigError(
                f"{self.path}: the index is of a later version of Velatura, or damaged"
            )
        raise self._foreign("got the database of another program")

    def _prepare(self, version: str) -> None:
        """Make the tables, or those that an index of before lacks, in the transaction at hand."""
        state = self._state(self.rows)
        for step in (FIRST, SECOND)[state:]:
            for statement in step:
                self.rows.execute(statement)
        if state == 0:
            self.rows.execute("INSERT INTO meta VALUES (?)", (version,))
        elif self._version() != version:
            self.rows.execute("DELETE FROM matches")
            self.rows.execute("DELETE FROM pictures")
            self.rows.execute("UPDATE meta SET version = ?", (version,))

    def _check_version(self, version: str) -> None:
        if self._state(self.rows) == 0 or self._version() != version:
            raise ConfigError(
                f"{self.path}: expected an index of this version of Velatura; update it "
                "with `velatura duplicates DIR --index FILE --add`"
            )

    def _is_damaged(self) -> bool:
        """Whether the file holds what was never written into it."""
        try:
            (told,) = self.rows.execute("PRAGMA quick_check(1)").fetchone()
            return told != "ok" or self.rows.execute(UNSOUND).fetchone() is not None
        except ERRORS:
            return True

    def _version(self) -> str:
        (version,) = self.rows.execute("SELECT version FROM meta").fetchone() or ("",)
        return str(version)

    def _foreign(self, found: str) -> ConfigError:
        return ConfigError(
            f"{self.path}: expected an index of velatura duplicates, or the name of a new one, "
            f"{found}"
        )

    def _failed(self, error: Exception) -> ConfigError:
        told = str(error)
        advice = next((_ADVICE[sign] for sign in _ADVICE if sign in told), _DAMAGED)
        if self.read_only and "readonly" in told:
            advice = "a write was cut short; `velatura duplicates DIR --index FILE` mends it"
        return ConfigError(
            f"{self.path}: the index cannot be used ({one_line(error)[:200]}); {advice}"
        )

    def close(self) -> None:
        """Close the file."""
        self.rows.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written in this context is kept if it ends well, else nothing of it.

        What is written outside of one is kept at once.
        """
        self.rows.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.rows.execute("COMMIT")
        except BaseException:
            if self.rows.in_transaction:  # SQLite has ended it itself where the disk is full
                self.rows.execute("ROLLBACK")
            raise

    def files(self, places: Iterable[Path] | None = None) -> dict[str, File]:
        """Files known under `places`, or all, by path, as they were."""
        found = {}
        roots = None if places is None else [Path(os.path.realpath(place)) for place in places]
        for raw, size, modified in self.rows.execute(
            "SELECT path, size, modified FROM files ORDER BY path"
        ):
            path = os.fsdecode(raw)
            if roots is None or any(Path(path).is_relative_to(root) for root in roots):
                found[path] = File(path, size, modified)
        return found

    def errors(self) -> dict[str, str]:
        """Broken files that are remembered, by path, with what was wrong."""
        return {
            os.fsdecode(path): error
            for path, error in self.rows.execute(
                "SELECT path, error FROM files WHERE error IS NOT NULL"
            )
        }

    def remember(self, file: File, content: bytes | None, error: str | None = None) -> None:
        """Note a file."""
        self.rows.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
            (os.fsencode(file.path), file.size, file.modified, content, error),
        )

    def forget(self, paths: Iterable[str]) -> None:
        """Forget files that vanished. What was found out about their pictures stays."""
        with self.transaction():
            self.rows.executemany(
                "DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths]
            )

    def unseen(self) -> dict[str, File]:
        """Files whose pictures were forgotten, by path, as they were."""
        return {
            os.fsdecode(path): File(os.fsdecode(path), size, modified)
            for path, size, modified in self.rows.execute(
                "SELECT path, size, modified FROM files LEFT JOIN pictures USING (content) "
                "WHERE number IS NULL AND error IS NULL ORDER BY path"
            )
        }

    def add(
        self,
        content: bytes,
        size: tuple[int, int],
        grey: bytes,
        seen: tuple[bytes, bytes] | None,
    ) -> None:
        """Note a picture: width and height in `size`, content and style in `seen`."""
        self.rows.execute(  # unless another process was first
            "INSERT OR IGNORE INTO pictures "
            "(content, width, height, grey, content_seen, style_seen) VALUES (?, ?, ?, ?, ?, ?)",
            (content, *size, grey, *(seen or (None, None))),
        )

    def contents(self) -> dict[bytes, int]:
        """The numbers of all pictures by their bytes' hash."""
        return dict(self.rows.execute("SELECT content, number FROM pictures"))

    def pictures(self) -> Iterator[Picture]:
        """All pictures, in order of their numbers."""
        for row in self.rows.execute(
            "SELECT number, width, height, grey, content_seen, compared FROM pictures "
            "ORDER BY number"
        ):
            yield Picture._make(row)

    def pictured(self) -> Iterator[tuple[int, File]]:
        """The number of each file's picture, and the file."""
        for number, path, size, modified in self.rows.execute(
            "SELECT number, path, size, modified FROM files JOIN pictures USING (content) "
            "ORDER BY path"
        ):
            yield number, File(os.fsdecode(path), size, modified)

    def seen(self, by: str) -> tuple[list[int], list[bytes]]:
        """Numbers and descriptors, by `content` or `style`, of pictures that the network saw."""
        rows = self.rows.execute(
            f"SELECT number, {by}_seen FROM pictures WHERE {by}_seen IS NOT NULL"  # noqa: S608
        ).fetchall()
        return [number for number, _ in rows], [blob for _, blob in rows]

    def stand_ins(self) -> dict[int, int]:
        """For pictures that the network did not see: the most similar earlier one that it did."""
        found: dict[int, int] = {}
        for one, other in self.rows.execute(
            "SELECT matches.one, matches.other FROM matches "
            "JOIN pictures ON pictures.number = matches.other "
            "WHERE pictures.content_seen IS NULL ORDER BY matches.other, matches.similarity DESC"
        ):
            found.setdefault(other, found.get(one, one))
        return found

    def size(self, number: int) -> tuple[int, int]:
        """Width and height of a picture."""
        width, height = self.rows.execute(
            "SELECT width, height FROM pictures WHERE number = ?", (number,)
        ).fetchone()
        return width, height

    def quality(self, number: int) -> Quality | None:
        """How good a picture is, if that is known."""
        row = self.rows.execute(
            "SELECT pixels, loss, step, sharpness FROM pictures WHERE number = ?", (number,)
        ).fetchone()
        return None if row[0] is None else Quality._make(row)

    def set_quality(self, number: int, quality: Quality) -> None:
        """Note what reading a picture whole has told."""
        self.rows.execute(
            "UPDATE pictures SET pixels = ?, loss = ?, step = ?, sharpness = ? WHERE number = ?",
            (*quality, number),
        )

    def all_compared(self) -> bool:
        """Whether all matches are known."""
        return not self.rows.execute("SELECT count(*) FROM pictures WHERE NOT compared").fetchone()[
            0
        ]

    def add_matches(self, matches: Iterable[Match], compared: Iterable[int]) -> None:
        """Note which pictures match, and that all matches of `compared` are now known."""
        with self.transaction():
            self.rows.executemany("INSERT OR REPLACE INTO matches VALUES (?, ?, ?, ?)", matches)
            self.rows.executemany(
                "UPDATE pictures SET compared = 1 WHERE number = ?", [(n,) for n in compared]
            )

    def matches(self, threshold: float) -> list[Match]:
        """All matches at least that similar, the most similar first."""
        return [
            Match(*row)
            for row in self.rows.execute(
                "SELECT * FROM matches WHERE similarity >= ? ORDER BY similarity DESC, one, other",
                (threshold,),
            )
        ]

    def set_apart(self, one: bytes, other: bytes) -> None:
        """Note that two contents are no copies of each other, whatever is found."""
        self.rows.execute(
            "INSERT OR IGNORE INTO apart VALUES (?, ?)", (min(one, other), max(one, other))
        )

    def apart(self) -> set[tuple[int, int]]:
        """Pairs of pictures that are no copies of each other: numbers, the smaller first."""
        return {
            (min(pair), max(pair))
            for pair in self.rows.execute(
                "SELECT a.number, b.number FROM apart "
                "JOIN pictures a ON a.content = apart.one "
                "JOIN pictures b ON b.content = apart.other"
            )
        }


def _connect(path: Path | None, mode: str = "memory") -> sqlite3.Connection:
    """A connection that begins no transactions by itself; without `path` to an empty memory."""
    place = "file:" if path is None else Path(os.path.realpath(path)).as_uri()
    return sqlite3.connect(f"{place}?mode={mode}", WAIT, isolation_level=None, uri=True)


def _schema(rows: sqlite3.Connection) -> list[tuple[object, ...]]:
    """All tables with their columns, and whatever else there is."""
    return rows.execute(
        'SELECT m.type, m.name, m.tbl_name, c.name, c.type, c."notnull", c.pk '
        "FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) c ORDER BY m.name, c.cid"
    ).fetchall()
