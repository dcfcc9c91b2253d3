"""Which pictures are alike: cheap comparison of all, a closer look at the likely pairs.

All comparisons are exact: up to a hundred thousand pictures it takes longer to read one than to
compare it with all others.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from velatura.duplicates.agreement import agreement
from velatura.duplicates.alignment import Fit, alignment, best_of, starts
from velatura.duplicates.calibration import Calibration, similarity
from velatura.duplicates.fingerprints import (
    TURN_NAMES,
    Look,
    halved,
    lightness,
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
AGREES = 0.5  # of what agrees least: a picture with such a pair needs no finer search
SEARCHED_COSINE = 0.6  # below nothing is searched finer
STARTS, FINALISTS = 8, 2  # of the finer search, and how many of them are seen whole
LEAST = 0.05  # similarity of the matches that are kept
PROMISING = 0.55  # what fits less is not looked at closer
NEAR = 0.95  # cosine of spectra, from which on a picture may need no look by the network
SURE = 0.98  # similarity, from which on it needs none
BLOCK = 128  # pictures compared with all others at once


class Fingerprints(NamedTuple):
    """What is compared, of some pictures."""

    greys: Sequence[bytes]  # `Look.grey` of each
    squares: Tensor  # uint8 (pictures, GREY, GREY)
    spectra: Tensor  # (pictures, numbers), whitened
    proportions: Tensor  # width by height (pictures,)
    descriptors: Tensor  # (pictures, numbers), zeros where there is none

    def at(self, places: Tensor) -> "Fingerprints":
        """Those of some of the pictures."""
        greys = [self.greys[place] for place in places.tolist()]
        return Fingerprints(greys, *(tensor[places] for tensor in self[1:]))

    def before(self, end: int) -> "Fingerprints":
        """Those of the first `end` pictures, not copied."""
        return Fingerprints(self.greys, *(tensor[:end] for tensor in self[1:]))


class Likeness(NamedTuple):
    """Pairs that were looked at: places of both, and how alike they are; each (pairs, …)."""

    one: Tensor
    other: Tensor
    way: Tensor  # the turn of `one`, a place in TURNS
    spectra: Tensor  # cosine of the spectra, in that turn
    agreement: Tensor  # of `agreement.agreement`, (pairs, 4)


def fingerprints(pictures: Sequence[Picture], calibration: Calibration) -> Fingerprints:
    """Fingerprints of pictures as an index holds them."""
    greys = [picture.grey for picture in pictures]
    squares, spectra = _squares(greys, calibration)
    descriptors = torch.zeros(len(pictures), calibration.projection.shape[1])
    seen = torch.tensor([picture.content_seen is not None for picture in pictures])
    if seen.any():
        descriptors[seen] = unpacked([p.content_seen for p in pictures if p.content_seen])
    proportions = torch.tensor([picture.width / picture.height for picture in pictures])
    return Fingerprints(greys, squares, spectra, proportions, descriptors)


def likely(new: Fingerprints, known: Fingerprints, hidden: Tensor | None = None) -> Likeness:
    """Compare each of `new` with all `known`, and look closer at the pairs that may be alike.

    Found are those that fit each other by and large. Pairs where `hidden` (new, known) is true are
    left out.
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
    squares = turn(new.squares[one], way), known.squares[other]
    agreed = torch.full((len(one), 4), -1.0)
    if len(one):
        fit = _placed(squares, alignment(*squares, shapes))
        good = torch.nonzero(fit.correlation >= PROMISING)[:, 0]
        places = one[good], other[good], way[good]
        agreed[good] = _agreement(new.greys, known.greys, places, fit.part(good))
        doubtful = _doubtful(one, cosines[one, other], agreed)
        a, b = _turned(new.greys, known.greys, (one[doubtful], other[doubtful], way[doubtful]))
        finer = _searched(a, b, (shapes[0][doubtful], shapes[1][doubtful]))
        agreed[doubtful] = torch.where(
            finer[:, 2:3] > agreed[doubtful, 2:3], finer, agreed[doubtful]
        )
    seen = agreed[:, 2] > -1
    return Likeness(one[seen], other[seen], way[seen], spectra[seen], agreed[seen])


def _doubtful(one: Tensor, cosines: Tensor, agreed: Tensor) -> Tensor:
    """Which pairs are worth a finer search: (some,).

    Of each picture `one` whose pairs all disagree that which the network finds most alike.
    """
    settled = torch.zeros(int(one.max()) + 1, dtype=torch.bool)
    settled[one[agreed[:, 1] >= AGREES]] = True
    nearest = torch.full((len(settled),), -1.0).scatter_reduce_(0, one, cosines, "amax")
    wanted = (cosines == nearest[one]) & (cosines >= SEARCHED_COSINE) & ~settled[one]
    return torch.nonzero(wanted)[:, 0]


def _searched(one: Tensor, other: Tensor, shapes: tuple[Tensor, Tensor]) -> Tensor:
    """`agreement.agreement` of squares (pairs, SEEN, SEEN) after a finer search, tilted too."""
    if not len(one):
        return torch.zeros(0, 4)
    halves = halved(one), halved(other)
    fits = [registered(*halves, fit) for fit in starts(one, other, shapes, STARTS)]
    fits = [registered(one, other, fit) for fit in best_of(fits, FINALISTS)]
    return agreement(one, other, best_of(fits, 1)[0])


def _placed(squares: tuple[Tensor, Tensor], fit: Fit) -> Fit:
    """A coarse fit made exact, first at half the side, where more of its error can be mended."""
    one, other = squares
    halves = registered(halved(one), halved(other), fit)
    return registered(one, other, fit.or_better(halves))


def _agreement(
    new: Sequence[bytes],
    known: Sequence[bytes],
    pairs: tuple[Tensor, Tensor, Tensor],
    fit: Fit,
) -> Tensor:
    """`agreement.agreement` of pairs: places in `new` and `known`, and turns of the new ones."""
    found = [torch.zeros(0, 4)]
    for start in range(0, len(fit.correlation), BLOCK):
        part = slice(start, start + BLOCK)
        a, b = _turned(new, known, (pairs[0][part], pairs[1][part], pairs[2][part]))
        found.append(agreement(a, b, registered(a, b, fit.part(part))))
    return torch.cat(found)


def _turned(
    new: Sequence[bytes], known: Sequence[bytes], pairs: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The lightness of pairs, of the new ones turned: each uint8 (pairs, SEEN, SEEN)."""
    one, other, way = pairs
    a = turn(lightness([new[place] for place in one.tolist()]), way)
    return a, lightness([known[place] for place in other.tolist()])


def _squares(greys: Sequence[bytes], calibration: Calibration) -> tuple[Tensor, Tensor]:
    """Squares (pictures, GREY, GREY) of pictures, and their whitened spectra."""
    squares, spectra = [], []
    for start in range(0, max(1, len(greys)), BLOCK):
        square = halved(lightness(greys[start : start + BLOCK])).round().byte()
        squares.append(square)
        spectra.append(whitened(spectrum(square), calibration.scale))
    return torch.cat(squares), torch.cat(spectra)


def _varied(pictures: Fingerprints) -> Tensor:
    """Which pictures vary by more than half of `fingerprints.FAINT`: (pictures,)."""
    return pictures.spectra.norm(dim=1) > 0.5


def similarities(found: Likeness, calibration: Calibration) -> Tensor:
    """How alike each pair is, in [0, 1]: (pairs,)."""
    return similarity(calibration.weights, found.agreement)


def why(found: Likeness) -> list[str]:
    """What each pair was found by, in words."""
    stage = {True: "near-identical", False: "seen alike by the network"}
    near = (found.spectra >= NEAR).tolist()
    return [
        ", ".join(filter(None, [stage[alike], TURN_NAMES[way]]))
        for alike, way in zip(near, found.way.tolist(), strict=True)
    ]


class Matcher:
    """Compares the pictures of an index with each other.

    Args:
        index: where they are, and where matches are written.
        calibration: what a comparison means.
    """

    def __init__(self, index: Index, calibration: Calibration) -> None:
        self.index, self.calibration = index, calibration
        self._greys: list[bytes] = []
        self._spectra: list[Tensor] = []

    def undecided(self, looks: Sequence[Look]) -> list[int]:
        """Which of these new pictures are near-identical to none known, and to none before them.

        The network need only look at those. From now on all of them are known.
        """
        if not self._spectra:
            self._greys = [picture.grey for picture in self.index.pictures()]
            self._spectra = [_squares(self._greys, self.calibration)[1]]
        # One that leans on another needs no look by the network: that one, or the one it leans on
        # in turn, has been looked at.
        first = len(self._greys)
        self._greys += [picture.grey for picture in looks]
        self._spectra.append(_squares(self._greys[first:], self.calibration)[1])
        if len(self._spectra) > 64:
            self._spectra = [torch.cat(self._spectra)]
        nearest, place, way = self._nearest(turned(self._spectra[-1][-len(looks) :]), first)
        near = torch.nonzero(nearest >= NEAR)[:, 0]
        whole = torch.eye(2, 3).expand(len(near), 2, 3)
        fit = Fit(torch.zeros(len(near)), torch.ones(len(near), dtype=torch.bool), whole)
        agreed = _agreement(self._greys[first:], self._greys, (near, place[near], way[near]), fit)
        decided = set(near[similarity(self.calibration.weights, agreed) >= SURE].tolist())
        return [number for number in range(len(looks)) if number not in decided]

    def _nearest(self, ways: Tensor, first: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of new pictures, whose turned spectra are `ways` (new, 8, numbers): the nearest earlier.

        Cosine of the spectra, the earlier one's place, and the new one's turn; each (new,). The
        new ones themselves are known from place `first` on.
        """
        best = torch.full((len(ways),), -2.0)
        place, way = torch.zeros(2, len(ways), dtype=torch.long)
        start = 0
        for spectra in self._spectra:
            end = start + len(spectra)
            alike, turns = (ways @ spectra.T).max(1)
            later = torch.arange(start, end) >= first + torch.arange(len(ways))[:, None]
            if end > start:
                nearest, at = alike.masked_fill(later, -2).max(1)
                better = nearest > best
                best = torch.where(better, nearest, best)
                place = torch.where(better, at + start, place)
                way = torch.where(better, turns.gather(1, at[:, None])[:, 0], way)
            start = end
        return best, place, way

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
            here = torch.arange(start, end)
            hidden = here[:, None] <= torch.arange(end)
            found = likely(everything.at(here), everything.before(end), hidden)
            values = similarities(found, self.calibration).tolist()
            reasons = why(found)
            matches = [
                Match(numbers[other], numbers[start + one], value, reason)
                for one, other, value, reason in zip(
                    found.one.tolist(), found.other.tolist(), values, reasons, strict=True
                )
                if value >= LEAST
            ]
            self.index.add_matches(matches, numbers[start:end])
            yield end - first, len(pictures) - first
