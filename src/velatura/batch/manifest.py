"""What became of every picture: a Parquet data set beside the pictures, a row each.

The latest row of a source counts. Parts are written whole, so that a kill loses at most the rows
since the last part; those pictures are made once more.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from velatura.batch.sources import arrow
from velatura.batch.storage import EXTRA, WHAT, Target, file_system
from velatura.extras import import_extra
from velatura.files import atomic_path

FOLDER = "manifest.parquet"
MADE, FAILED = "made", "failed"
SECONDS_BETWEEN_PARTS = 20.0


class Row(NamedTuple):
    """What became of a picture."""

    source: str
    target: str
    status: str  # made or failed
    width: int
    height: int
    seconds: float
    settings: str  # JSON
    error: str  # in one line


def schema() -> Any:
    """Of the data set."""
    pa = arrow()
    kinds = {"width": pa.int32(), "height": pa.int32(), "seconds": pa.float32()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in Row._fields])


class Manifest:
    """The manifest of a target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.rows: list[Row] = []
        self._last = time.monotonic()

    def exists(self) -> bool:
        """Whether a batch was begun here before."""
        return bool(self._parts())

    def add(self, rows: list[Row]) -> None:
        """Keep rows, and write them every so often."""
        self.rows += rows
        if time.monotonic() - self._last > SECONDS_BETWEEN_PARTS:
            self.write()

    def write(self) -> None:
        """Write what is kept so far as a part of its own."""
        if self.rows:
            pa, parquet = arrow(), import_extra("pyarrow.parquet", EXTRA, WHAT)
            table = pa.Table.from_pylist([row._asdict() for row in self.rows], schema=schema())
            name = f"{FOLDER}/part-{time.time_ns():020}.parquet"

            def write(path: Path) -> None:
                with atomic_path(path) as temporary:
                    parquet.write_table(table, temporary)

            self.target.put(name, write)
            self.rows = []
        self._last = time.monotonic()

    def made(self) -> NDArray[np.uint64]:
        """Keys, sorted, of the sources that need not be made again."""
        parquet = import_extra("pyarrow.parquet", EXTRA, WHAT)
        keys: list[NDArray[np.uint64]] = []
        states: list[NDArray[np.bool_]] = []
        for part in self._parts():
            files, path = file_system(self.target.place(f"{FOLDER}/{part.rsplit('/', 1)[-1]}"))
            with files.open(path, "rb") as file:
                table = parquet.read_table(file, columns=["source", "status"])
            keys.append(keys_of(table.column("source").to_pylist()))
            states.append(np.array([s == MADE for s in table.column("status").to_pylist()], bool))
        if not keys:
            return np.zeros(0, np.uint64)
        sources, made = np.concatenate(keys), np.concatenate(states)
        # Of each source the last row: the first of the reversed.
        unique, first = np.unique(sources[::-1], return_index=True)
        return unique[made[::-1][first]]

    def _parts(self) -> list[str]:
        return [path for path in self.target.list(FOLDER) if path.endswith(".parquet")]


def keys_of(sources: list[str]) -> NDArray[np.uint64]:
    """64 bits of each source's checksum: among 100 million two are alike once in 4000 batches."""
    import hashlib

    digests = [hashlib.blake2b(source.encode(), digest_size=8).digest() for source in sources]
    return np.frombuffer(b"".join(digests), np.uint64)


def remaining(table: Any, made: NDArray[np.uint64]) -> Any:
    """The rows of a table of sources that are not `made`."""
    keys = keys_of(table.column("uri").to_pylist())
    return table.filter(arrow().array(~np.isin(keys, made)))
