r"""Blind choices between two methods: better painted, more legible, to be hung.

    python benchmarks/blind.py lay quality/384 velatura:0.5 second-moments:0.5 \
        --content DIR --style DIR --output blind --seed 1
    … look at blind/01.png, 02.png …, and write a line for each row into blind/answers.txt
    python benchmarks/blind.py open blind

`lay` takes pictures that quality.py has painted and puts photograph, painting and the two
methods' pictures beside each other, left and right by chance, rows in an order by chance. Which is
which goes into an envelope. An answer is the row's number and three letters, L, R or = for none:
better painted, shows the photograph better, would be hung. `open` says what the letters stand for,
once every row has an answer; an equal choice counts half. Another seed is another day's shuffle.
"""

import argparse
import json
import random
import statistics
from pathlib import Path

from PIL import Image

from velatura.images.sheet import grid

QUESTIONS = ("better painted", "shows the photograph better", "would be hung")
ROWS = 5  # on a sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    laying = commands.add_parser("lay")
    laying.add_argument("pictures", type=Path, help="quality.py's folder of one size")
    laying.add_argument("methods", nargs=2, metavar="METHOD:STRENGTH")
    laying.add_argument("--content", type=Path, required=True)
    laying.add_argument("--style", type=Path, required=True)
    laying.add_argument("--output", type=Path, required=True)
    laying.add_argument("--seed", type=int, default=0)
    laying.add_argument("--width", type=int, default=384, help="of a picture on the sheet")
    opening = commands.add_parser("open")
    opening.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "lay":
        lay(arguments)
    else:
        open_envelope(arguments.folder)


def lay(arguments: argparse.Namespace) -> None:
    """Write sheets and an envelope."""
    chance = random.Random(arguments.seed)
    folders = [arguments.pictures / method.split(":")[0] for method in arguments.methods]
    pairs = sorted(path.name for path in folders[0].iterdir() if path.is_dir())
    chance.shuffle(pairs)
    arguments.output.mkdir(parents=True)
    envelope, rows = [], []
    for pair in pairs:
        photo, painting = pair.split("-")
        sides = [0, 1]
        chance.shuffle(sides)
        files = [
            next(arguments.content.glob(f"{photo}.*")),
            next(arguments.style.glob(f"{painting}.*")),
            *(_picture(folders[side] / pair, arguments.methods[side]) for side in sides),
        ]
        rows.append([_fit(file, arguments.width) for file in files])
        envelope.append({"pair": pair, "left": arguments.methods[sides[0]]})
    labels = ["photograph", "painting", "L", "R"]
    for start in range(0, len(rows), ROWS):
        numbers = [str(number + 1) for number in range(start, min(start + ROWS, len(rows)))]
        sheet = grid(rows[start : start + ROWS], numbers, labels)
        sheet.save(arguments.output / f"{start // ROWS + 1:02}.png")
    record = {"methods": arguments.methods, "rows": envelope}
    (arguments.output / "envelope.json").write_text(json.dumps(record))


def open_envelope(folder: Path) -> None:
    """Print how often the first method was chosen, with 95% bootstrap intervals."""
    record = json.loads((folder / "envelope.json").read_text())
    answers = {}
    for line in (folder / "answers.txt").read_text().splitlines():
        number, letters = line.split(maxsplit=1)
        answers[int(number)] = letters.replace(" ", "").upper()
    wanted = range(1, 1 + len(record["rows"]))
    if missing := [number for number in wanted if len(answers.get(number, "")) != len(QUESTIONS)]:
        raise SystemExit(f"no answer of {len(QUESTIONS)} letters yet for rows {missing}")
    first, second = record["methods"]
    print(f"| {first} over {second} | share | 95% |\n| --- | --- | --- |")
    for place, question in enumerate(QUESTIONS):
        scores = [
            0.5
            if answers[number][place] == "="
            else float((answers[number][place] == "L") == (row["left"] == first))
            for number, row in zip(wanted, record["rows"], strict=True)
        ]
        chance = random.Random(0)
        means = sorted(statistics.fmean(chance.choices(scores, k=len(scores))) for _ in range(1000))
        print(
            f"| {question} | {statistics.fmean(scores):.2f} | {means[25]:.2f} to {means[974]:.2f} |"
        )


def _picture(folder: Path, method: str) -> Path:
    return folder / f"{method.partition(':')[2] or 'only'}.png"


def _fit(file: Path, width: int) -> Image.Image:
    image = Image.open(file).convert("RGB")
    return image.resize(
        (width, round(width * image.height / image.width)), Image.Resampling.LANCZOS
    )


if __name__ == "__main__":
    main()
