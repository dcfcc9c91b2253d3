"""Matches become groups, and in each group one picture is the one to keep."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from velatura.duplicates.folders import File
from velatura.duplicates.index import Index, Match
from velatura.errors import ImageError
from velatura.images.io import read

Watch = Callable[[int, int], None]  # is told how many groups are done, of how many


class Member(NamedTuple):
    """A picture of a group."""

    path: str
    similarity: float  # to the picture to keep, or to its nearest kin in the group
    why: str
    width: int
    height: int
    size: int  # bytes
    modified: int  # nanoseconds since 1970


class Group(NamedTuple):
    """Pictures that are the same picture. The first is the one to keep."""

    members: tuple[Member, ...]

    @property
    def keep(self) -> str:
        """The path of the best: most pixels, then sharpest, then oldest."""
        return self.members[0].path

    def as_dict(self) -> dict[str, Any]:
        """As `velatura duplicates --json` prints it."""
        return {
            "keep": self.keep,
            "images": [
                {"path": member.path, "similarity": member.similarity, "why": member.why}
                for member in self.members
            ],
        }


class _Copy(NamedTuple):
    """A file with what is known of its picture."""

    number: int
    file: File
    width: int
    height: int
    pixels: bytes  # hash; empty where it does not matter
    sharpness: float

    @property
    def rank(self) -> tuple[float, ...]:
        """Ascending, the best first."""
        return (-self.width * self.height, -self.sharpness, self.file.modified)


def groups(
    index: Index, paths: Iterable[str], threshold: float, watch: Watch = lambda done, total: None
) -> list[Group]:
    """Groups among the files at `paths` of pictures at least `threshold` alike.

    Where resolution does not tell which to keep, the pictures are read whole: their pixels are
    compared, and their sharpness.
    """
    wanted = set(paths)
    files: dict[int, list[File]] = defaultdict(list)
    for number, file in index.pictured():
        if file.path in wanted:
            files[number].append(file)
    matches = [m for m in index.matches(threshold) if m.one in files and m.other in files]
    kin: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        kin[match.one].append(match)
        kin[match.other].append(match)
    alike = [
        numbers
        for numbers in connected(files, [(match.one, match.other) for match in matches])
        if sum(len(files[number]) for number in numbers) > 1
    ]
    found = []
    for done, numbers in enumerate(alike, start=1):
        copies = sorted(_copies(index, files, numbers), key=lambda c: (c.rank, c.file.path))
        found.append(Group(tuple(_member(copy, copies, kin) for copy in copies)))
        watch(done, len(alike))
    return sorted(found, key=lambda group: group.keep)


def connected(nodes: Iterable[int], links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The nodes in sets that links connect, each in ascending order."""
    leader = {node: node for node in nodes}

    def lead(node: int) -> int:
        while leader[node] != node:
            leader[node] = node = leader[leader[node]]
        return node

    for one, other in links:
        leader[lead(one)] = lead(other)
    sets: dict[int, list[int]] = defaultdict(list)
    for node in sorted(leader):
        sets[lead(node)].append(node)
    return list(sets.values())


def _copies(index: Index, files: dict[int, list[File]], numbers: Sequence[int]) -> list[_Copy]:
    """All files of a group, with what it takes to rank them."""
    sizes = {number: index.size(number) for number in numbers}
    most = max(width * height for width, height in sizes.values())
    best = [number for number, (width, height) in sizes.items() if width * height == most]
    copies = []
    for number in numbers:
        pixels, sharpness = b"", 0.0
        if number in best and len(best) > 1:
            pixels, sharpness = _whole(index, number, files[number][0])
        copies += [_Copy(number, file, *sizes[number], pixels, sharpness) for file in files[number]]
    return copies


def _whole(index: Index, number: int, file: File) -> tuple[bytes, float]:
    """Hash of a picture's pixels and its sharpness, from the index or the file."""
    known = index.whole(number)
    if known is None:
        try:
            known = examine(Path(file.path))
        except (ImageError, OSError):  # gone, or changed, since it was looked at
            return b"", 0.0
        index.set_whole(number, *known)
    return known


def examine(path: Path) -> tuple[bytes, float]:
    """Hash of the pixels, upright and in sRGB, and sharpness: the deviation of the Laplacian.

    Raises ImageError if it cannot be read.
    """
    picture = read(path)
    pixels = (picture.pixels[0] * 255).round().byte()
    digest = hashlib.blake2b(repr(picture.size).encode(), digest_size=16)
    digest.update(pixels.numpy().tobytes())
    if picture.alpha is not None:
        digest.update((picture.alpha * 255).round().byte().numpy().tobytes())
    grey = picture.pixels[0].mean(0)
    if min(grey.shape) < 3:
        return digest.digest(), 0.0
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return digest.digest(), float(torch.std(laplacian, correction=0))


def _member(copy: _Copy, copies: Sequence[_Copy], kin: dict[int, list[Match]]) -> Member:
    """How a file belongs to its group, whose best comes first."""
    keep = copies[0]
    similarity, why = 1.0, "the best"
    if copy.number == keep.number:
        why = "the best" if copy is keep else "same bytes"
    elif copy.pixels and copy.pixels == keep.pixels:
        why = "same pixels"
    else:
        found = max(kin[copy.number], key=lambda m: (keep.number in m[:2], m.similarity))
        similarity, why = round(found.similarity, 4), found.why
        if keep.number not in found[:2]:
            other = found.other if found.one == copy.number else found.one
            nearest = next(c for c in copies if c.number == other)
            why += f", to {Path(nearest.file.path).name}"
    return Member(
        copy.file.path,
        similarity,
        why,
        copy.width,
        copy.height,
        copy.file.size,
        copy.file.modified,
    )
