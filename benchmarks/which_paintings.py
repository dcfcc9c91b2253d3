"""Which paintings make good styles? What `style-report` measures of them, beside what came of them.

    python benchmarks/which_paintings.py --paintings DIR … --photos FILE … [--looks FILE]

Every photograph is painted after every painting, at `--size` pixels in `--steps` steps. What came
of a painting is the mean over its pictures of the style distance that is left and of the content
distance, both those of measures.py, and of its ghosts: forms where the photograph has none.
`--looks` is a JSON object from a painting's name to a grade by eye. Printed are a table, and the
rank correlation of every measure with every outcome. Pictures and measures are kept in `--keep`:
interrupted, the same command goes on.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from measures import Measures
from painted import painted
from PIL import Image
from sizes import at_area, at_size
from torch import Tensor
from torch.nn import functional as F

from velatura.anatomy.suitability import HELD_OUT_LAYERS, STYLE_LAYERS, measure
from velatura.images.color import oklab
from velatura.images.io import read, to_pil
from velatura.images.resize import resize
from velatura.images.sheet import grid
from velatura.perception import weights
from velatura.perception.vgg import VGG19

FORM = 16  # pixels, above the width of strokes


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--paintings", type=Path, nargs="+", required=True, help="folders")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="files")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 8])
    parser.add_argument("--looks", type=Path, help="grades by eye")
    parser.add_argument("--keep", type=Path, default=Path("which_paintings"), help="a folder")
    parser.add_argument("-o", "--output", type=Path, help="a sheet of all pictures")
    arguments = parser.parse_args()
    paintings = [path for folder in arguments.paintings for path in sorted(folder.iterdir())]
    rows = {path.stem: _measured(path, arguments.keep) for path in paintings}
    outcomes = _outcomes(paintings, arguments)
    if arguments.looks:
        grades = json.loads(arguments.looks.read_text())
        for name, outcome in outcomes.items():
            outcome["look"] = grades[name]
    _report(rows, outcomes)
    if arguments.output:
        _sheet(paintings, arguments).save(arguments.output)


def _measured(path: Path, folder: Path) -> dict[str, float]:
    """What style-report measures of a painting."""
    kept = folder / "measured" / f"{path.stem}.json"
    if not kept.exists():
        print(kept, file=sys.stderr, flush=True)
        network = VGG19(weights.load(), [*STYLE_LAYERS, *HELD_OUT_LAYERS], padding="replicate")
        found = measure(network, read(path).pixels)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found.figures()))
    measured: dict[str, float] = json.loads(kept.read_text())
    return measured


def _outcomes(paintings: list[Path], arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Per painting the mean outcome over the photographs."""
    measures = Measures()
    found: dict[str, list[dict[str, float]]] = {path.stem: [] for path in paintings}
    for photo_path in arguments.photos:
        photo = at_size(photo_path, arguments.size)
        start = measures.view(photo)
        for path in paintings:
            painting = read(path).pixels
            file = _kept_picture(photo_path, path, arguments)
            picture = painted(file, photo, painting, steps=tuple(arguments.steps))
            size = (photo.shape[-2], photo.shape[-1])
            goal, squashed = (
                measures.view(p) for p in (at_area(painting, size), resize(painting, size))
            )
            view = measures.view(picture)
            found[path.stem].append(
                {
                    "style left": measures.style(view, goal, start),
                    "content lost": measures.content(view, start, squashed),
                    "ghosts": ghosts(picture, photo),
                }
            )
    return {
        name: {key: statistics.fmean(one[key] for one in several) for key in several[0]}
        for name, several in found.items()
    }


def ghosts(picture: Tensor, photo: Tensor) -> float:
    """How strong forms are where the photograph has none, in terms of the picture's forms.

    Both are (1, 3, height, width). Forms are changes of colour over more than a stroke's width; the
    photograph has none in the half of its area where it changes least. 0 is none there, 1 as strong
    as elsewhere.
    """
    own, given = _forms(picture), _forms(photo)
    flat = given <= given.median()
    return float(own[flat].mean() / own[~flat].mean())


def _forms(image: Tensor) -> Tensor:
    """Changes of Oklab colour between squares of FORM pixels a side."""
    coarse = F.avg_pool2d(oklab(image), FORM, stride=FORM // 4)
    across = coarse[..., 4:, :-4] - coarse[..., 4:, 4:]
    down = coarse[..., :-4, 4:] - coarse[..., 4:, 4:]
    return (across.square() + down.square()).sum(1).sqrt()


def _kept_picture(photo: Path, painting: Path, arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.keep
    folder /= "-".join(map(str, (arguments.size, *arguments.steps)))
    return folder / photo.stem / f"{painting.stem}.png"


def _report(rows: dict[str, dict[str, float]], outcomes: dict[str, dict[str, float]]) -> None:
    """A table of paintings, the least style left first, and one of rank correlations."""
    from scipy.stats import spearmanr

    measured, came = list(next(iter(rows.values()))), list(next(iter(outcomes.values())))
    print(f"| painting | {' | '.join(measured + came)} |\n|{' --- |' * (len(measured + came) + 1)}")
    for name in sorted(rows, key=lambda name: outcomes[name]["style left"]):
        values = [rows[name][key] for key in measured] + [outcomes[name][key] for key in came]
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |")
    print(f"\n| rank correlation, p | {' | '.join(came)} |\n|{' --- |' * (len(came) + 1)}")
    for key in measured + came:
        columns = []
        for other in came:
            one = [(rows[name] | outcomes[name])[key] for name in rows]
            found = spearmanr(one, [outcomes[name][other] for name in rows])
            columns.append(f"{found.statistic:+.2f}, {found.pvalue:.3f}")
        print(f"| {key} | {' | '.join(columns)} |")


def _sheet(paintings: list[Path], arguments: argparse.Namespace) -> Image.Image:
    """A row for each painting: itself and the pictures after it."""
    rows = []
    for path in paintings:
        files = [path, *(_kept_picture(photo, path, arguments) for photo in arguments.photos)]
        rows.append([to_pil(at_size(file, arguments.size)) for file in files])
    return grid(
        rows, [path.stem for path in paintings], ["painting", *(p.stem for p in arguments.photos)]
    )


if __name__ == "__main__":
    main()
