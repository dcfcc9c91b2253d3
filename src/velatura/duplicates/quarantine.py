"""Move files aside: nothing is overwritten, nothing is deleted."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from velatura.duplicates import folders
from velatura.duplicates.folders import File
from velatura.duplicates.grouping import Group, Member
from velatura.errors import ConfigError
from velatura.files import numbered


class Move(NamedTuple):
    """A file, and where it went or would go, or why it stayed."""

    path: str
    target: str | None
    problem: str | None = None


def check_target(folder: Path, places: Sequence[Path]) -> None:
    """Raise ConfigError if `folder` lies in one of the places: it would be looked through again."""
    target = Path(os.path.realpath(folder))
    for place in places:
        if target.is_relative_to(os.path.realpath(place)):
            raise ConfigError(
                f"move-to: expected a folder outside of those looked through, "
                f"{folder} is in {place}"
            )


def move(groups: Sequence[Group], folder: Path, dry_run: bool) -> list[Move]:
    """Move all but the best of each group to `folder`, or say what would be moved where.

    A file moves only if it and the one that is kept are still as they were when compared, and if it
    is not to stay.
    """
    taken: set[str] = set()
    moves = []
    for group in groups:
        for member in group.members[1:]:
            problem = member.stays or _changed(group.members[0]) or _changed(member)
            target = None
            if not problem:
                try:
                    target = _reserve(folder, Path(member.path).name, taken, dry_run)
                    if not dry_run:
                        _move(member.path, target)
                except OSError as error:
                    target, problem = None, error.strerror or str(error)
            moves.append(Move(member.path, target, problem))
    return moves


def _changed(member: Member) -> str | None:
    """What has happened to a file since it was compared, if anything."""
    try:
        same = folders.state(member.path) == File(member.path, member.size, member.modified)
    except OSError:
        return f"{member.path} is gone"
    return None if same else f"{member.path} has changed"


def _reserve(folder: Path, name: str, taken: set[str], dry_run: bool) -> str:
    """A name in `folder` that nothing has, like `name`; unless `dry_run` an empty file holds it."""
    for target in map(str, numbered(folder / name)):
        if target in taken or os.path.lexists(target):
            continue
        if not dry_run:
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
        taken.add(target)
        return target
    raise AssertionError  # there is no end of names


def _move(path: str, target: str) -> None:
    """Move a file onto the empty one that holds its new name."""
    try:
        try:
            Path(path).replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copy2(path, target)
            Path(path).unlink()
    except BaseException:
        # Never the only copy: the original is there as long as this is reached.
        if Path(path).exists():
            Path(target).unlink()
        raise
