"""Which pictures are alike: cheap comparison of all, a closer look at the likely pairs.

All comparisons are exact: up to a hundred thousand pictures it takes longer to read one than to
compare it with all others.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from velatura.duplicates.alignment import TILTED_SCALES, TILTS, alignment
from velatura.duplicates.calibration import Calibration, similarity
from velatura.duplicates.fingerprints import (
    GREY,
    TURN_NAMES,
    Look,
    spectrum,
    turn,
    turned,
    unpacked,
    whitened,
)
from velatura.duplicates.index import Index, Match, Picture
from velatura.duplicates.registration import registered

NEIGHBOURS = 8  # pictures that each one is looked at beside, for each of two scores
LIKELY_COSINE, LIKELY_SPECTRA = 0.35, 0.45  # below both a pair is not looked at
FITS, TILTED_COSINE = 0.75, 0.6  # above one and below the other nothing is tilted
LEAST = 0.05  # similarity of the matches that are kept
BLOCK = 128  # pictures compared with all others at once


class Fingerprints(NamedTuple):
    """What is compared, of some pictures."""

    greys: Tensor  # uint8 (pictures, GREY, GREY)
    spectra: Tensor  # (pictures, numbers), whitened
    proportions: Tensor  # width by height (pictures,)
    descriptors: Tensor  # (pictures, numbers), zeros where there is none

    def part(self, start: int, end: int) -> "Fingerprints":
        """Those of some of the pictures."""
        return Fingerprints(*(tensor[start:end] for tensor in self))


class Likeness(NamedTuple):
    """Pairs that were looked at: places of both, and how alike they are; each (pairs,)."""

    one: Tensor
    other: Tensor
    way: Tensor  # the turn of `one`, a place in TURNS
    cosine: Tensor  # of the descriptors
    spectra: Tensor  # cosine of the spectra, in that turn
    alignment: Tensor  # best correlation of the grey squares, in that turn


def fingerprints(pictures: Sequence[Picture], calibration: Calibration) -> Fingerprints:
    """Fingerprints of pictures as an index holds them."""
    greys = _squares([picture.grey for picture in pictures])
    descriptors = torch.zeros(len(pictures), calibration.projection.shape[1])
    seen = torch.tensor([picture.content_seen is not None for picture in pictures])
    if seen.any():
        descriptors[seen] = unpacked([p.content_seen for p in pictures if p.content_seen])
    return Fingerprints(
        greys,
        _spectra(greys, calibration),
        torch.tensor([picture.width / picture.height for picture in pictures]),
        descriptors,
    )


def likely(new: Fingerprints, known: Fingerprints, hidden: Tensor | None = None) -> Likeness:
    """Compare each of `new` with all `known`, and look closer at the pairs that may be alike.

    Pairs where `hidden` (new, known) is true are left out.
    """
    cosines = new.descriptors @ known.descriptors.T
    alike, way = torch.full_like(cosines, -2), torch.zeros_like(cosines, dtype=torch.int8)
    for number, spectra in enumerate(turned(new.spectra).unbind(1)):
        in_that_way = spectra @ known.spectra.T
        way.masked_fill_(in_that_way > alike, number)
        torch.maximum(alike, in_that_way, out=alike)
    wanted = torch.zeros(cosines.shape, dtype=torch.bool)
    for score, least in ((cosines, LIKELY_COSINE), (alike, LIKELY_SPECTRA)):
        shown = score if hidden is None else score.masked_fill(hidden, -1)
        best = shown.topk(min(NEIGHBOURS, shown.shape[1]), dim=1)
        wanted.scatter_(1, best.indices, wanted.gather(1, best.indices) | (best.values >= least))
    # What hardly varies is like no other.
    wanted &= _varied(new)[:, None] & _varied(known)
    one, other = torch.nonzero(wanted, as_tuple=True)
    spectra = alike[one, other]
    # Where spectra are not alike, their best turn is chance.
    way = torch.where(spectra >= LIKELY_SPECTRA, way[one, other], 0)
    quarter = way >= len(TURN_NAMES) // 2
    shapes = (
        torch.where(quarter, 1 / new.proportions[one], new.proportions[one]),
        known.proportions[other],
    )
    laid = _laid_over((turn(new.greys[one], way), known.greys[other]), shapes, cosines[one, other])
    return Likeness(one, other, way, cosines[one, other], spectra, laid)


def _laid_over(
    squares: tuple[Tensor, Tensor], shapes: tuple[Tensor, Tensor], cosines: Tensor
) -> Tensor:
    """The best correlation of each pair of grey squares, one within the other: (pairs,)."""
    if not len(cosines):
        return cosines
    laid = registered(*squares, alignment(*squares, shapes))
    doubtful = (laid < FITS) & (cosines >= TILTED_COSINE)
    if doubtful.any():
        a, b, *some = (tensor[doubtful] for tensor in (*squares, *shapes))
        tilted = registered(a, b, alignment(a, b, (some[0], some[1]), TILTS, TILTED_SCALES))
        laid[doubtful] = torch.maximum(laid[doubtful], tilted)
    return laid


def _squares(greys: Sequence[bytes]) -> Tensor:
    """Grey squares as an index holds them, uint8 (pictures, GREY, GREY)."""
    array = np.frombuffer(bytearray(b"".join(greys)), np.uint8)
    return torch.from_numpy(array.reshape(-1, GREY, GREY))


def _spectra(greys: Tensor, calibration: Calibration) -> Tensor:
    """Whitened spectra of grey squares (pictures, GREY, GREY): (pictures, numbers)."""
    parts = [whitened(spectrum(part), calibration.scale) for part in torch.split(greys, BLOCK)]
    return torch.cat(parts)


def _varied(pictures: Fingerprints) -> Tensor:
    """Which pictures vary by more than half of `fingerprints.FAINT`: (pictures,)."""
    return pictures.spectra.norm(dim=1) > 0.5


def similarities(found: Likeness, calibration: Calibration) -> Tensor:
    """How alike each pair is, in [0, 1]: (pairs,). Near-identical ones are above the threshold."""
    value = similarity(calibration, found.cosine, found.spectra, found.alignment)
    near = torch.maximum(value, found.spectra)
    return torch.where(found.spectra >= calibration.near, near, value)


def why(found: Likeness, calibration: Calibration) -> list[str]:
    """What decided each pair, in words."""
    stage = {True: "near-identical", False: "seen alike by the network"}
    decided = (found.spectra >= calibration.near).tolist()
    return [
        ", ".join(filter(None, [stage[near], TURN_NAMES[way]]))
        for near, way in zip(decided, found.way.tolist(), strict=True)
    ]


class Matcher:
    """Compares the pictures of an index with each other.

    Args:
        index: where they are, and where matches are written.
        calibration: what a comparison means.
    """

    def __init__(self, index: Index, calibration: Calibration) -> None:
        self.index, self.calibration = index, calibration
        self._known: list[Tensor] = []

    def undecided(self, looks: Sequence[Look]) -> list[int]:
        """Which of these new pictures are near-identical to none known, and to none before them.

        The network need only look at those. From now on all of them are known.
        """
        if not self._known:
            known = _squares([picture.grey for picture in self.index.pictures()])
            self._known = [_spectra(known, self.calibration)]
        new = _spectra(_squares([seen.grey.tobytes() for seen in looks]), self.calibration)
        ways = turned(new)
        near = self.calibration.near
        # One that leans on another needs no look by the network: that one, or the one it leans on
        # in turn, has been looked at.
        decided = ((ways @ new.T).amax(1).tril(-1) >= near).any(1)
        for known in self._known:
            if len(known):
                decided |= (ways @ known.T).amax((1, 2)) >= near
        self._known.append(new)
        if len(self._known) > 64:
            self._known = [torch.cat(self._known)]
        return torch.nonzero(~decided).flatten().tolist()

    def compare(self) -> Iterator[tuple[int, int]]:
        """Find and write the matches of all pictures not compared yet; yields how many are done.

        Each is compared with those before it. Stopped anywhere, it goes on there.
        """
        if self.index.all_compared():
            return
        pictures = list(self.index.pictures())
        first = next(place for place, picture in enumerate(pictures) if not picture.compared)
        numbers = [picture.number for picture in pictures]
        everything = fingerprints(pictures, self.calibration)
        for start in range(first, len(pictures), BLOCK):
            end = min(start + BLOCK, len(pictures))
            hidden = torch.arange(start, end)[:, None] <= torch.arange(end)
            found = likely(everything.part(start, end), everything.part(0, end), hidden)
            values = similarities(found, self.calibration).tolist()
            reasons = why(found, self.calibration)
            matches = [
                Match(numbers[other], numbers[start + one], value, reason)
                for one, other, value, reason in zip(
                    found.one.tolist(), found.other.tolist(), values, reasons, strict=True
                )
                if value >= LEAST
            ]
            self.index.add_matches(matches, numbers[start:end])
            yield end - first, len(pictures) - first
