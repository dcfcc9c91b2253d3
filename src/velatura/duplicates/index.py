"""What is known of the pictures, kept in a file: SQLite, written as it goes.

A file is known by its path, size and time of modification, a picture by the hash of its bytes. A
file that moved or was copied is not looked at twice. Everything is written in small transactions,
so that an interrupted run goes on where it was.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from velatura.duplicates.folders import File
from velatura.errors import ConfigError

TABLES = """
CREATE TABLE meta (version TEXT NOT NULL);
CREATE TABLE files (
    path BLOB PRIMARY KEY,       -- absolute, as the system spells it
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,   -- nanoseconds
    content BLOB,                -- hash of the bytes, NULL for a broken file
    error TEXT
) WITHOUT ROWID;
CREATE INDEX contents ON files (content);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY,
    content BLOB NOT NULL UNIQUE,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    grey BLOB NOT NULL,
    content_seen BLOB,           -- by the network; NULL where a cheaper stage had decided
    style_seen BLOB,
    compared INTEGER NOT NULL DEFAULT 0,
    pixels BLOB,                 -- hash, NULL until it mattered
    sharpness REAL
);
CREATE TABLE matches (
    one INTEGER NOT NULL,        -- numbers of pictures, the smaller first
    other INTEGER NOT NULL,
    similarity REAL NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (one, other)
) WITHOUT ROWID;
"""


class Match(NamedTuple):
    """Two pictures, by number, and how alike they are; `one` is the smaller number."""

    one: int
    other: int
    similarity: float
    why: str


class Picture(NamedTuple):
    """A picture as the index holds it."""

    number: int
    width: int
    height: int
    grey: bytes  # `fingerprints.Look.grey`
    content_seen: bytes | None  # float16 (numbers,)
    compared: bool


class Index:
    """An index in a file, or in memory if `path` is None.

    `version` names what fingerprints are made with; those of another version are forgotten.

    Raises:
        ConfigError: the file is something else, or cannot be opened.
    """

    def __init__(self, path: Path | None, version: str, must_exist: bool = False) -> None:
        self.path = path
        if path and must_exist and not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for names too long
            raise ConfigError(
                f"{path}: expected an index, found nothing; "
                "make one with `velatura duplicates DIR --index FILE`"
            )
        try:
            self.rows = sqlite3.connect(path or ":memory:", timeout=10)
            (tables,) = self.rows.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables:
                (found,) = self.rows.execute("SELECT version FROM meta").fetchone()
                if found == version:
                    return
                for name in ("meta", "files", "pictures", "matches"):
                    self.rows.execute(f"DROP TABLE {name}")
            self.rows.executescript(TABLES)
            with self.rows:
                self.rows.execute("INSERT INTO meta VALUES (?)", (version,))
        except (sqlite3.Error, TypeError) as error:
            raise ConfigError(
                f"{path}: expected an index of velatura duplicates, or the name of a new one "
                f"({error})"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self.rows.close()

    def transaction(self) -> sqlite3.Connection:
        """A context: what is written in it is kept if it ends well, else nothing of it."""
        return self.rows

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
        """Note a file. Of no use to anyone else before `commit`."""
        self.rows.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
            (os.fsencode(file.path), file.size, file.modified, content, error),
        )

    def forget(self, paths: Iterable[str]) -> None:
        """Forget files that vanished. What was found out about their pictures stays."""
        self.rows.executemany(
            "DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths]
        )

    def add(
        self,
        content: bytes,
        size: tuple[int, int],
        grey: bytes,
        seen: tuple[bytes, bytes] | None,
    ) -> None:
        """Note a picture: width and height in `size`, content and style in `seen`."""
        self.rows.execute(
            "INSERT INTO pictures (content, width, height, grey, content_seen, style_seen) "
            "VALUES (?, ?, ?, ?, ?, ?)",
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

    def whole(self, number: int) -> tuple[bytes, float] | None:
        """Hash of a picture's pixels and its sharpness, if they are known."""
        pixels, sharpness = self.rows.execute(
            "SELECT pixels, sharpness FROM pictures WHERE number = ?", (number,)
        ).fetchone()
        return None if pixels is None else (pixels, sharpness)

    def set_whole(self, number: int, pixels: bytes, sharpness: float) -> None:
        """Note what reading a picture whole has told."""
        with self.rows:
            self.rows.execute(
                "UPDATE pictures SET pixels = ?, sharpness = ? WHERE number = ?",
                (pixels, sharpness, number),
            )

    def all_compared(self) -> bool:
        """Whether all matches are known."""
        return not self.rows.execute("SELECT count(*) FROM pictures WHERE NOT compared").fetchone()[
            0
        ]

    def add_matches(self, matches: Iterable[Match], compared: Iterable[int]) -> None:
        """Note which pictures match, and that all matches of `compared` are now known."""
        with self.rows:
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
