"""Which copy to keep: people's own rules first, then what is known of the pictures."""

import fnmatch
import os
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from velatura.duplicates.folders import File
from velatura.duplicates.index import Quality
from velatura.duplicates.quality import LOSSY, SPOILT
from velatura.errors import ConfigError

RULES = "oldest, newest, largest or path=PATTERN"
UNKNOWN = Quality(b"", SPOILT, None, 0.0)


class Copy(NamedTuple):
    """A file with what is known of its picture."""

    number: int
    file: File
    width: int
    height: int
    quality: Quality = UNKNOWN  # where it matters


class Keeping:
    """Orders copies, the one to keep first.

    Args:
        rules: oldest, newest, largest (in bytes) or path=PATTERN, what matters most first.
            In a pattern `*` stands for anything, also for several folders.
        protected: folders and files of which nothing is moved, and which are kept before others.

    Raises:
        ConfigError: a rule is none of these, or there is nothing at a protected path.
    """

    def __init__(self, rules: Sequence[str] = (), protected: Iterable[Path] = ()) -> None:
        self.rules = [_parsed(rule) for rule in rules]
        self._protected = [os.path.realpath(path) for path in protected]
        for path in self._protected:
            if not os.path.lexists(path):
                raise ConfigError(f"protect: expected a folder, found nothing at {path}")

    def is_protected(self, path: str) -> bool:
        """Whether a file is to stay where it is."""
        return any(Path(path).is_relative_to(folder) for folder in self._protected)

    def preference(self, copy: Copy) -> tuple[float, ...]:
        """What is known of a copy before its quality, ascending; the best have the least."""
        wishes = [_wish(name, pattern, copy.file) for name, pattern in self.rules]
        return (not self.is_protected(copy.file.path), *wishes, -copy.width * copy.height)

    def ordered(self, copies: Sequence[Copy]) -> list[Copy]:
        """The copies, the one to keep first.

        After `preference`: of least loss, then of the finest quantisation where all that lost
        something tell theirs, the largest file of those, the sharpest, the oldest. Files of the
        same pixels are equally good.
        """
        lossy = [copy for copy in copies if copy.quality.loss == LOSSY]
        told = all(copy.quality.step is not None for copy in lossy)

        def goodness(copy: Copy) -> tuple[float, ...]:
            quality = copy.quality
            step = quality.step if told and quality.step is not None else 0
            # Without loss a file's size tells how well it is packed, not how good it is.
            size = copy.file.size if quality.loss == LOSSY else 0
            return (quality.loss, step, -size, -quality.sharpness)

        best: dict[Any, tuple[float, ...]] = {}
        for copy in copies:
            pixels = copy.quality.pixels or copy.file
            best[pixels] = min(best.get(pixels, (inf,)), goodness(copy))

        def rank(copy: Copy) -> tuple[Any, ...]:
            good = best[copy.quality.pixels or copy.file]
            return (self.preference(copy), good, copy.file.modified, copy.file.path)

        return sorted(copies, key=rank)


def _parsed(rule: str) -> tuple[str, str]:
    name, _, pattern = rule.partition("=")
    if (name == "path") != bool(pattern) or name not in ("oldest", "newest", "largest", "path"):
        raise ConfigError(f"keep: expected {RULES}, got {rule!r}")
    return name, pattern


def _wish(name: str, pattern: str, file: File) -> float:
    """How far a file is from what a rule wants."""
    if name == "path":
        return not fnmatch.fnmatchcase(file.path, pattern)
    return {"oldest": file.modified, "newest": -file.modified, "largest": -file.size}[name]
