"""The two questions: which of these pictures are the same, and what is like this one."""

import heapq
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from velatura.duplicates import folders
from velatura.duplicates.calibration import calibration
from velatura.duplicates.fingerprints import Describer, look, unpacked
from velatura.duplicates.grouping import Group, groups
from velatura.duplicates.index import Index
from velatura.duplicates.keeping import Keeping
from velatura.duplicates.matching import LEAST
from velatura.duplicates.survey import Progress, Survey, content_of
from velatura.errors import ConfigError, ImageError

Place = str | os.PathLike[str]


class Duplicates(NamedTuple):
    """What `find_duplicates` found."""

    groups: list[Group]
    broken: dict[str, str]  # path -> what is wrong with it
    changed: list[str]  # paths that held something else when the index last saw them
    vanished: list[str]  # paths that the index knew and that are gone
    files: int  # pictures that were compared


class Similar(NamedTuple):
    """A picture like the one asked for."""

    path: str
    similarity: float  # cosine of the descriptors


def find_duplicates(
    *places: Place,
    threshold: float | None = None,
    index: Place | None = None,
    add: bool = False,
    keep: str | Sequence[str] = (),
    protect: Place | Sequence[Place] = (),
    across: bool = False,
    no_match: Sequence[tuple[Place, Place]] = (),
    device: str = "auto",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Duplicates:
    """Groups of pictures that are the same picture, however it was saved, cropped or turned.

    Nothing is changed or deleted.

    Args:
        places: folders, looked through with all in them, and files.
        threshold: how alike, 0.05 to 1; None is where the calibration had 99.5% precision.
        index: a file to remember pictures in, so that each is read only once.
        add: compare with all pictures that the index knows, not only those in `places`.
        keep: which of a group to keep: rules of `Keeping`, what matters most first; then comes
            what has most pixels and is best preserved.
        protect: folders whose files are kept before others and never moved.
        across: only matches between two of the places count.
        no_match: pairs of files that are no copies; the index remembers it.
        device: where the network runs: auto, cpu, cuda … or mps.
        on_progress: is shown the progress.

    Raises:
        ConfigError: an option is out of its range, or `index` is another kind of file, cannot be
            written, or is damaged.
        ImageError: a place does not exist, or one of `no_match` cannot be read.
    """
    known = calibration()
    threshold = known.auto if threshold is None else threshold
    _check_threshold(threshold)
    if add and index is None:
        raise ConfigError("add: expected an index to add to, got none")
    if no_match and index is None:
        raise ConfigError("no-match: expected an index to remember it, got none")
    if across and len({os.path.realpath(place) for place in places}) < 2 and not add:
        raise ConfigError("across: expected two folders or more, got one")
    keeping = Keeping(
        [keep] if isinstance(keep, str) else keep,
        map(Path, [protect] if isinstance(protect, (str, os.PathLike)) else protect),
    )
    paths = [Path(place) for place in places]
    with Index(Path(index) if index is not None else None, known.version) as rows:
        survey = Survey(rows, paths, Describer(known, device), add)
        for one, other in no_match:
            rows.set_apart(*_two_contents(Path(one), Path(other)))
        for progress in survey:
            on_progress(progress)
        files = list(rows.files()) if add else [file.path for file in survey.files]
        found = groups(
            rows,
            (path for path in files if path not in survey.broken),
            threshold,
            keeping,
            paths if across else None,
            lambda done, total: on_progress(Progress("grouping", done, total)),
        )
        return Duplicates(found, survey.broken, survey.changed, survey.vanished, len(files))


def _check_threshold(threshold: float) -> None:
    if not LEAST <= threshold <= 1:
        raise ConfigError(
            f"threshold: expected auto or a number from {LEAST} to 1, got {threshold:g}"
        )


def _two_contents(one: Path, other: Path) -> tuple[bytes, bytes]:
    """Hashes of two files' bytes. Raises ImageError if one cannot be read or they are equal."""
    contents = _content(one), _content(other)
    if contents[0] == contents[1]:
        raise ImageError(f"{other}: expected another picture than {one}, got the same bytes")
    return contents


def _content(path: Path) -> bytes:
    try:
        folders.state(str(path))
        return content_of(path)
    except OSError as error:
        raise ImageError(f"{path}: expected a picture ({error.strerror or error})") from error


def find_similar(
    photo: Place, index: Place, *, by: str = "content", count: int = 10, device: str = "auto"
) -> list[Similar]:
    """The pictures of an index most like a photograph, the most similar first.

    Args:
        photo: any picture file.
        index: that `find_duplicates` wrote.
        by: `content`, the descriptors that duplicates are found by, or `style`, Gram matrices.
        count: how many at most.
        device: where the network runs.

    Raises:
        ConfigError: `by` is neither, or `index` is no index or cannot be read; it is never
            written.
        ImageError: the photograph cannot be read.
    """
    if by not in ("content", "style"):
        raise ConfigError(f"by: expected content or style, got {by!r}")
    known = calibration()
    with Index(Path(index), known.version, read_only=True) as rows:
        numbers, blobs = rows.seen(by)
        if not numbers:
            return []
        described = Describer(known, device)([look(Path(photo))])
        wanted = described.content if by == "content" else described.style
        cosines = dict(zip(numbers, torch.mv(unpacked(blobs), wanted[0]).tolist(), strict=True))
        # Near-identical pictures were not shown to the network: one stands for the others.
        stands = rows.stand_ins()
        mine = os.path.realpath(photo)
        found = [
            Similar(file.path, round(cosines[stands.get(number, number)], 4))
            for number, file in rows.pictured()
            if stands.get(number, number) in cosines and file.path != mine
        ]
    return heapq.nlargest(count, found, key=lambda similar: similar.similarity)
