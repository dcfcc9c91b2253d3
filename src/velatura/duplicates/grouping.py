"""Matches become groups, and in each group one picture is the one to keep."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from velatura.duplicates.folders import File
from velatura.duplicates.index import Index, Match, Quality
from velatura.duplicates.keeping import UNKNOWN, Copy, Keeping
from velatura.duplicates.quality import examine

OnProgress = Callable[[int, int], None]  # is told how many groups are done, of how many
Pair = tuple[int, int]


class Member(NamedTuple):
    """A picture of a group."""

    path: str
    similarity: float  # to the picture to keep, or to its nearest kin in the group
    why: str
    width: int
    height: int
    size: int  # bytes
    modified: int  # nanoseconds since 1970
    stays: str = ""  # why it is not to be moved, although it is not the best


class Group(NamedTuple):
    """Pictures that are the same picture. The first is the one to keep."""

    members: tuple[Member, ...]

    @property
    def keep(self) -> str:
        """The path of the best."""
        return self.members[0].path

    @property
    def spare(self) -> list[Member]:
        """Those that could go."""
        return [member for member in self.members[1:] if not member.stays]

    def as_dict(self) -> dict[str, Any]:
        """As `velatura duplicates --json` prints it."""
        return {
            "keep": self.keep,
            "images": [
                {"path": member.path, "similarity": member.similarity, "why": member.why}
                | ({"stays": member.stays} if member.stays else {})
                for member in self.members
            ],
        }


def groups(
    index: Index,
    paths: Iterable[str],
    threshold: float,
    keeping: Keeping,
    across: Sequence[Path] | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> list[Group]:
    """Groups among the files at `paths` of pictures at least `threshold` alike.

    Where resolution does not tell which to keep, the pictures are read whole: their pixels are
    compared, and their quality. With `across` a match counts only between files in two of those
    folders, of folders in each other the inner one.
    """
    wanted = set(paths)
    files: dict[int, list[File]] = defaultdict(list)
    for number, file in index.pictured():
        if file.path in wanted:
            files[number].append(file)
    apart = index.apart()
    matches = [
        match
        for match in index.matches(threshold)
        if match.one in files and match.other in files and match[:2] not in apart
    ]
    if across is not None:
        places = _places(files, across)
        matches = [m for m in matches if len(places[m.one] | places[m.other]) > 1]
    kin: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        kin[match.one].append(match)
        kin[match.other].append(match)
    alike = [
        numbers
        for numbers in connected(files, [(match.one, match.other) for match in matches], apart)
        if sum(len(files[number]) for number in numbers) > 1
        and (across is None or len(set().union(*(places[number] for number in numbers))) > 1)
    ]
    found = []
    for done, numbers in enumerate(alike, start=1):
        copies = keeping.ordered(_copies(index, files, numbers, keeping))
        once = _each_once(copies)
        if len(once) > 1:
            found.append(Group(tuple(_member(copy, copies, kin, keeping) for copy in once)))
        on_progress(done, len(alike))
    return sorted(found, key=lambda group: group.keep)


def connected(
    nodes: Iterable[int], links: Iterable[Pair], apart: Iterable[Pair] = ()
) -> list[list[int]]:
    """The nodes in sets that links connect, each in ascending order.

    The strongest link comes first; one that would bring a pair of `apart` together is left out.
    """
    leader = {node: node for node in nodes}
    foes: dict[int, set[int]] = defaultdict(set)
    members = {node: {node} for node in leader}
    for one, other in apart:
        foes[one].add(other)
        foes[other].add(one)

    def lead(node: int) -> int:
        while leader[node] != node:
            leader[node] = node = leader[leader[node]]
        return node

    for one, other in links:
        small, large = sorted((lead(one), lead(other)), key=lambda node: len(members[node]))
        if small == large or not foes[small].isdisjoint(members[large]):
            continue
        leader[small] = large
        members[large] |= members.pop(small)
        foes[large] |= foes[small]
    return sorted(sorted(found) for found in members.values())


def _places(files: dict[int, list[File]], across: Sequence[Path]) -> dict[int, set[str]]:
    """In which of the folders each picture's files are; elsewhere is a place of its own."""
    folders = sorted((os.path.realpath(place) for place in across), key=len, reverse=True)

    def place(path: str) -> str:
        return next((folder for folder in folders if Path(path).is_relative_to(folder)), "")

    return {number: {place(file.path) for file in some} for number, some in files.items()}


def _copies(
    index: Index, files: dict[int, list[File]], numbers: Sequence[int], keeping: Keeping
) -> list[Copy]:
    """All files of a group, with what it takes to order them."""
    copies = [
        Copy(number, file, *index.size(number)) for number in numbers for file in files[number]
    ]
    best = min(copies, key=keeping.preference)
    area = best.width * best.height
    as_large = {copy.number: copy.file for copy in copies if copy.width * copy.height == area}
    if len(as_large) == 1:
        return copies
    known = {number: _quality(index, number, file) for number, file in as_large.items()}
    return [copy._replace(quality=known.get(copy.number, UNKNOWN)) for copy in copies]


def _quality(index: Index, number: int, file: File) -> Quality:
    """How good a picture is, from the index or the file."""
    known = index.quality(number)
    if known is None:
        try:
            known = examine(Path(file.path))
        except Exception:  # gone or changed since it was looked at, or too large for memory
            return UNKNOWN
        index.set_quality(number, known)
    return known


def _each_once(copies: Sequence[Copy]) -> list[Copy]:
    """The copies without second names of the same file: hard links, folders mounted twice."""
    seen: set[tuple[int, int]] = set()
    once = []
    for copy in copies:
        try:
            found = Path(copy.file.path).stat()
        except OSError:  # gone: moving will say so
            once.append(copy)
            continue
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            once.append(copy)
    return once


def _member(
    copy: Copy, copies: Sequence[Copy], kin: dict[int, list[Match]], keeping: Keeping
) -> Member:
    """How a file belongs to its group, whose best comes first."""
    keep = copies[0]
    similarity, why = 1.0, "the best"
    if copy.number == keep.number:
        why = "the best" if copy is keep else "same bytes"
    elif copy.quality.pixels and copy.quality.pixels == keep.quality.pixels:
        why = "same pixels"
    else:
        here = {other.number: other for other in copies}
        near = [match for match in kin[copy.number] if {match.one, match.other} <= here.keys()]
        found = max(near, key=lambda m: (keep.number in m[:2], m.similarity))
        similarity, why = round(found.similarity, 4), found.why
        if keep.number not in found[:2]:
            nearest = here[found.other if found.one == copy.number else found.one]
            why += f", to {Path(nearest.file.path).name}"
    file = copy.file
    stays = "" if copy is keep else _stays(file, keeping)
    return Member(
        file.path, similarity, why, copy.width, copy.height, file.size, file.modified, stays
    )


def _stays(file: File, keeping: Keeping) -> str:
    """Why a file is not to be moved, if anything speaks against it."""
    if keeping.is_protected(file.path):
        return "protected"
    try:
        linked = Path(file.path).stat().st_nlink > 1
    except OSError:
        return ""
    return "has another name, a hard link: nothing would be gained" if linked else ""
