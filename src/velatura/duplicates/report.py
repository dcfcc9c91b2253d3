"""One HTML page to look at groups of duplicates: thumbnails, filters, lists of paths, all in it.

The groups are written as JSON and drawn by the page's own script as one scrolls, so that thousands
of them open at once.
"""

import base64
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from html import escape
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from velatura.duplicates.find import Duplicates
from velatura.duplicates.grouping import Group, Member
from velatura.errors import ImageError
from velatura.files import atomic_path
from velatura.images.io import read_small

THUMBNAIL = 144  # pixels a side; squashed to a square here, and stretched again by the page
AT_ONCE = 64  # groups whose thumbnails are drawn ahead


def write_report(
    path: Path,
    found: Duplicates,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the page. `on_progress` is told how many groups are drawn, of how many.

    Raises:
        FileError: it cannot be written.
    """
    before, after = (
        (files("velatura.duplicates") / "report.html")
        .read_text(encoding="utf-8")
        .replace("{{ broken }}", _broken(found.broken))
        .split("{{ groups }}")
    )
    # Names that are no UTF-8 are shown with what can be shown of them.
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace") as page,
        ThreadPoolExecutor() as pool,
    ):
        page.write(before)
        groups = iter(found.groups)
        done = 0
        while some := list(islice(groups, AT_ONCE)):
            for entry in pool.map(_entry, some):
                page.write(("," if done else "") + "\n" + _json(entry))
                done += 1
                on_progress(done, len(found.groups))
        page.write(after)


def _entry(group: Group) -> list[dict[str, Any]]:
    """A group as the page's script wants it."""
    return [_member(member) for member in group.members]


def _member(member: Member) -> dict[str, Any]:
    moment = datetime.fromtimestamp(member.modified / 1e9, tz=timezone.utc)
    return {
        "path": member.path,
        "similarity": member.similarity,
        "why": member.why,
        "stays": member.stays,
        "width": member.width,
        "height": member.height,
        "bytes": member.size,
        "date": f"{moment:%Y-%m-%d}",
        "picture": _thumbnail(member.path),
    }


def _thumbnail(path: str) -> str:
    """A data URI, empty if the file cannot be read any more."""
    try:
        square, _ = read_small(Path(path), THUMBNAIL)
    except ImageError:
        return ""
    buffer = io.BytesIO()
    square.save(buffer, "WEBP", quality=70)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _json(entry: Any) -> str:
    """JSON that can stand in a script element."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _broken(broken: dict[str, str]) -> str:
    if not broken:
        return ""
    rows = "".join(
        f"<li><code>{escape(os.fspath(path))}</code> {escape(why)}</li>"
        for path, why in sorted(broken.items())
    )
    return f"<details><summary>{len(broken)} could not be read</summary><ul>{rows}</ul></details>"
