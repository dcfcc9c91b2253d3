"""How well and how fast duplicates are found, beside pHash and dHash.

    python benchmarks/duplicates.py DIR … [--stylised 10] [--json]

Takes the half of the photographs that `benchmarks/calibrate_duplicates.py` leaves alone, of large
ones nine views that overlap by a quarter (different pictures of one scene). One in eleven is copied
by each of the graded transformations; each copy is looked for among all: its original and at least
ten times as many others. A pair found counts as right only if it is the copy and its own original;
a crop that holds nothing which tells its original from another is left out.
The same with drawn pages, screenshots, charts and icons, of each kind two among fourteen others.
"""

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import imagehash
import torch
from drawn_pictures import KINDS, drawn_pictures
from duplicate_pictures import Named, base_pictures, copy_of
from torch import Tensor
from transformations import TRANSFORMATIONS

from velatura import StyleConfig, stylize
from velatura.duplicates import matching
from velatura.duplicates.calibration import Calibration, calibration
from velatura.duplicates.fingerprints import Describer, Look, look, packed
from velatura.duplicates.index import Index, Picture
from velatura.duplicates.survey import Survey

PRECISION = 0.995
DRAWN, COPIED = 16, 2  # pictures of each kind, and how many of them are copied
WHOLE = (
    *("micro average precision", "threshold", "precision", "recall"),
    "recall at 99.5% precision",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--stylised", type=int, default=0, help="how many originals to paint")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    photographs = base_pictures(arguments.folders, measured=True)
    random.Random(0).shuffle(photographs)
    drawn = sorted(drawn_pictures(measured=True, count=DRAWN), key=lambda named: number(named[0]))
    report = {
        "photographs": measure(photographs, len(photographs) // 11, arguments.stylised),
        "drawn": measure(drawn, COPIED * len(KINDS), 0),
    }
    del report["photographs"]["by kind"]
    print(json.dumps(report) if arguments.json else "\n\n".join(map(as_text, report.values())))


def number(name: str) -> int:
    return int(name.rsplit("-", 1)[1])


def measure(pictures: list[Named], count: int, stylised: int) -> dict:
    """Copy the first `count` pictures, and look for the copies among all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = [folder / "library" / f"{n:05}.jpg" for n in range(len(pictures))]
        (folder / "library").mkdir()
        for path, (_, image) in zip(originals, pictures, strict=True):
            image.save(path, quality=95)
        index, speed = surveyed(folder / "library")
        copies = make_copies(pictures, count, folder, stylised)
        doubtful = count * len(TRANSFORMATIONS) + min(stylised, count) - len(copies)
        names = [name for name, _, _ in copies]
        owners = torch.tensor([owner for _, owner, _ in copies])
        paths = [path for _, _, path in copies]
        scores = {
            "velatura": ours(index, paths, len(pictures)),
            "pHash": hashed(imagehash.phash, paths, originals),
            "dHash": hashed(imagehash.dhash, paths, originals),
        }
        auto = calibration().auto
        # The library is looked at in the order of its names.
        mistaken = [(match.one - 1, match.other - 1) for match in index.matches(auto)]
    kinds = [name.split("-")[0] for name, _ in pictures]
    return {
        "originals": count,
        "others": len(pictures) - count,
        "copies": len(copies),
        "crops of several": doubtful,
        **speed,
        **{
            name: measured(found, owners, names, auto if name == "velatura" else None)
            for name, found in scores.items()
        },
        "different originals matched": len(mistaken),
        "by kind": by_kind(scores["velatura"] >= auto, owners, kinds, mistaken),
    }


def by_kind(
    chosen: Tensor, owners: Tensor, kinds: list[str], mistaken: list[tuple[int, int]]
) -> dict[str, dict[str, float]]:
    """Recall and precision of each kind's copies, and different originals that match."""
    right = owners[:, None] == torch.arange(chosen.shape[1])
    report = {}
    for kind in dict.fromkeys(kinds[owner] for owner in owners.tolist()):
        rows = torch.tensor([kinds[owner] == kind for owner in owners.tolist()])
        found, hits = float(chosen[rows].sum()), float((chosen & right)[rows].sum())
        report[kind] = {
            "recall": hits / int(rows.sum()),
            "precision": hits / max(1.0, found),
            "originals matched": sum(kind in (kinds[one], kinds[other]) for one, other in mistaken),
        }
    return report


def surveyed(folder: Path) -> tuple[Index, dict[str, float]]:
    """An index of the folder, and how fast it was made: the network loaded before."""
    known = calibration()
    describer = Describer(known)
    describer([look(next(folder.iterdir()))])
    index = Index(None, known.version)
    began = time.monotonic()
    survey = Survey(index, [folder], describer)
    for progress in survey:
        if progress.task == "looking":
            looked = time.monotonic() - began
    total = time.monotonic() - began
    return index, {
        "images per second": len(survey.files) / total,
        "of it looking": len(survey.files) / looked,
    }


def make_copies(
    pictures: list[Named], count: int, folder: Path, stylised: int
) -> list[tuple[str, int, Path]]:
    """Copies of the first `count`: the transformation's name, the original's number, the file."""
    copies = []
    painted = Path(__file__).parents[1] / "src/velatura/samples/brush.jpg"
    for number in range(count):
        made = {name: copy_of(pictures, number, name, number) for name in TRANSFORMATIONS}
        if number < stylised:
            config = StyleConfig(size=256, strength=0.2, steps=(25, 15))
            made["stylised, strength 0.2"] = stylize(pictures[number][1], painted, config)
        for name, copy in made.items():
            if copy is not None:
                path = folder / f"{number}-{len(copies)}.png"
                copy.save(path, compress_level=1)
                copies.append((name, number, path))
    return copies


def ours(index: Index, paths: list[Path], originals: int) -> Tensor:
    """Similarities of copies and originals (copies, originals), as `velatura duplicates` has them.

    Where a copy is near-identical to something the network is not asked.
    """
    known = calibration()
    library = matching.fingerprints(list(index.pictures()), known)
    describer = Describer(known)
    scores = torch.zeros(len(paths), originals)
    for start in range(0, len(paths), 128):
        looks = [look(path) for path in paths[start : start + 128]]
        new = fingerprints_of(looks, describer, library, known)
        found = matching.likely(new, library)
        scores[start + found.one, found.other] = matching.similarities(found, known)
    return scores


def fingerprints_of(
    looks: list[Look], describer: Describer, library: matching.Fingerprints, known: Calibration
) -> matching.Fingerprints:
    pictures = [Picture(0, seen.width, seen.height, seen.grey, None, False) for seen in looks]
    blind = matching.fingerprints(pictures, known)
    alike = matching.likely(blind, library)
    sure = matching.similarities(alike, known) >= matching.SURE
    near = set(alike.one[sure & (alike.spectra >= matching.NEAR)].tolist())
    rest = [place for place in range(len(looks)) if place not in near]
    for start in range(0, len(rest), 32):
        places = rest[start : start + 32]
        seen = packed(describer([looks[place] for place in places]).content)
        for place, content in zip(places, seen, strict=True):
            pictures[place] = pictures[place]._replace(content_seen=content)
    return matching.fingerprints(pictures, known)


def hashed(method, paths: list[Path], originals: list[Path]) -> Tensor:
    """One minus the part of the bits that differ (copies, originals)."""
    bits = []
    for files in (paths, originals):
        hashes = []
        for path in files:
            with imagehash.Image.open(path) as image:
                hashes.append(torch.from_numpy(method(image).hash.flatten()))
        bits.append(torch.stack(hashes).float() * 2 - 1)
    return (bits[0] @ bits[1].T / bits[0].shape[1] + 1) / 2


def measured(
    scores: Tensor, owners: Tensor, names: list[str], threshold: float | None
) -> dict[str, object]:
    """Micro average precision; recall by transformation at the threshold.

    Without a threshold the lowest that has PRECISION on these very pictures is taken.
    """
    right = owners[:, None] == torch.arange(scores.shape[1])
    values, order = scores.flatten().sort(descending=True, stable=True)
    hits = right.flatten()[order].double().cumsum(0)
    precision = hits / torch.arange(1, len(hits) + 1)
    # Of equal scores none comes before the others: precision is that at the last of them.
    last = torch.searchsorted(-values, -values, right=True) - 1
    gained = torch.diff(hits, prepend=hits.new_zeros(1))
    average = float((precision[last] * gained)[values > 0].sum() / len(owners))
    good = torch.nonzero((precision[last] >= PRECISION) & (values > 0))
    best = float(values[good[-1, 0]]) if len(good) else 2.0
    level = best if threshold is None else threshold
    own = scores[torch.arange(len(owners)), owners]
    by_name: dict[str, list[bool]] = defaultdict(list)
    for name, found in zip(names, (own >= level).tolist(), strict=True):
        by_name[name].append(found)
    chosen = scores >= level
    return {
        "micro average precision": average,
        "threshold": level,
        "precision": float((chosen & right).sum() / chosen.sum().clamp_min(1)),
        "recall": float((own >= level).double().mean()),
        "recall at 99.5% precision": float((own >= best).double().mean()),
        "recall by transformation": {
            name: sum(found) / len(found) for name, found in by_name.items()
        },
    }


def as_text(report: dict) -> str:
    methods = [name for name in report if isinstance(report[name], dict) and name != "by kind"]
    lines = [
        f"{report['originals']} originals among {report['others']} others, {report['copies']} "
        f"copies, {report['crops of several']} crops left out that are of several; "
        f"{report['images per second']:.1f} images a second in all, "
        f"{report['of it looking']:.1f} without comparing; "
        f"{report['different originals matched']} pairs of different originals matched\n",
        f"| | {' | '.join(methods)} |",
        f"| --- |{' ---: |' * len(methods)}",
    ]
    rows = {name: [report[method][name] for method in methods] for name in WHOLE}
    parts = [report[method]["recall by transformation"] for method in methods]
    rows |= {name: [part[name] for part in parts] for name in parts[0]}
    lines += [f"| {n} | {' | '.join(f'{value:.3f}' for value in row)} |" for n, row in rows.items()]
    if kinds := report.get("by kind"):
        lines += [
            "",
            "| kind | recall | precision | originals matched |",
            "| --- | ---: | ---: | ---: |",
        ]
        lines += [
            f"| {kind} | {r['recall']:.3f} | {r['precision']:.3f} | {r['originals matched']} |"
            for kind, r in kinds.items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
