"""Which pictures a batch works on: tables of a URI, or contents, and a name for the output."""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from velatura.batch.storage import EXTRA, WHAT, file_system, is_local, pictures
from velatura.errors import ImageError
from velatura.extras import import_extra
from velatura.images.finding import is_picture

LISTS = (".txt", ".lst")
COLUMNS = ("uri", "url", "path", "image", "bytes")  # of a Parquet file, the first that it has


def arrow() -> Any:
    """PyArrow. Raises ConfigError if it is not installed."""
    return import_extra("pyarrow", EXTRA, WHAT)


def is_parquet(uri: str) -> bool:
    """Whether pictures are named, or contained, in the Parquet file or folder `uri`."""
    return uri.rstrip("/").endswith((".parquet", ".pq"))


def listed(given: Sequence[str]) -> list[tuple[str, str]]:
    """URI and output name of each picture that folders, patterns, lists and files name, once.

    The name has no ending, unless two pictures differ in it alone.
    Raises ImageError where one of them names none.
    """
    found: dict[str, str] = {}
    for uri in given:
        expanded = list(_expanded(uri))
        for one, below in expanded:
            found.setdefault(one, below)
        if not expanded:
            raise ImageError(f"{uri}: expected pictures, found none")
    stems = Counter(posixpath.splitext(below)[0].casefold() for below in found.values())
    names = []
    for one, below in found.items():
        stem = posixpath.splitext(below)[0]
        names.append((one, stem if stems[stem.casefold()] == 1 else below))
    return names


def tables(names: Sequence[tuple[str, str]], rows: int) -> list[Any]:
    """Arrow tables of `uri` and `name`, of so many rows each."""
    table = arrow().table
    return [
        table({"uri": [uri for uri, _ in part], "name": [name for _, name in part]})
        for part in (names[k : k + rows] for k in range(0, len(names), rows))
    ]


def from_parquet(table: Any) -> Any:
    """Rows of a Parquet file as `uri`, `name` and, where it holds the pictures, `contents`."""
    pa = arrow()
    column = next((name for name in COLUMNS if name in table.column_names), None)
    if column is None:
        raise ImageError(
            f"expected a column {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}, got "
            f"{', '.join(table.column_names)}"
        )
    values = table.column(column).to_pylist()
    if pa.types.is_struct(table.schema.field(column).type):  # as Hugging Face's data sets have it
        values = [value["bytes"] for value in values]
    contents = [value if isinstance(value, bytes) else None for value in values]
    if "name" in table.column_names:
        names = [str(name) for name in table.column("name").to_pylist()]
    else:
        names = [_name(value) for value in values]
    uris = [
        name if content is not None else str(value)
        for value, name, content in zip(values, names, contents, strict=True)
    ]
    return pa.table(
        {"uri": uris, "name": names, "contents": pa.array(contents, type=pa.large_binary())}
    )


def _expanded(uri: str) -> Iterator[tuple[str, str]]:
    """URI and path below its root of every picture that one argument names."""
    path = uri.rstrip("/")
    if path.endswith(LISTS):
        files, inside = file_system(path)
        with files.open(inside, "r", encoding="utf-8") as lines:
            for line in lines:
                if one := line.strip():
                    yield one, _name(one)
    elif any(mark in uri for mark in "*?[") or not is_picture(Path(path)):
        yield from pictures(uri)
    elif not is_local(uri) or Path(uri).exists():
        yield uri, posixpath.basename(uri)


def _name(value: Any) -> str:
    """A name for the output of a URI, with its folders; of contents their checksum."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()[:20]
    plain = str(value).partition("://")[2] or str(value)
    parts = [part for part in plain.split("?")[0].split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "picture"
