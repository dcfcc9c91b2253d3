"""`velatura fast train`: learn the style of a painting."""

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.options import add_config_options, given_options
from velatura.cli.progress import Progress, losses, say
from velatura.errors import ConfigError, ImageError
from velatura.fast.options import TrainingOptions

if TYPE_CHECKING:
    from velatura.fast.training import StyleStep

SECONDS_BETWEEN_CHECKPOINTS = 60.0
SHEETS = 10  # that a training draws, each over the one before


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paintings", type=Path, nargs="+", metavar="painting")
    parser.add_argument(
        "--photos",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of photographs to train on; a tenth of them is kept to judge by",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="a name in .safetensors; of several paintings, a folder",
    )
    parser.add_argument(
        "--start-from", metavar="STYLE", help="a style to begin with, shipped or a file"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="draw what is learnt so far")
    parser.add_argument("--log", type=Path, metavar="FILE", help="losses, a line of JSON a step")
    parser.add_argument("--licence", default="", help="of the model, to be written in it")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_config_options(parser, options=TrainingOptions)


def run(arguments: argparse.Namespace) -> int:
    from velatura.images.io import check_writable, make_folder
    from velatura.training.photographs import find

    options = TrainingOptions(**given_options(arguments, TrainingOptions))
    several = len(arguments.paintings) > 1
    if several:
        make_folder(arguments.output)
    elif arguments.output.suffix != ".safetensors":
        raise ConfigError(
            f"output: expected a name ending in .safetensors, got {arguments.output.name!r}"
        )
    if arguments.sheet:
        check_writable(arguments.sheet)
    photographs = find(arguments.photos)
    reports: list[dict[str, Any]] = []
    interrupted = False
    for painting in arguments.paintings:
        output = arguments.output / f"{painting.stem}.safetensors" if several else arguments.output
        report, interrupted = _train(painting, output, photographs, options, arguments)
        reports.append(report)
        if interrupted:
            break
    if arguments.json:
        print(json.dumps({"styles": reports, "interrupted": interrupted}))
    return 130 if interrupted else 0


def _train(
    painting: Path,
    output: Path,
    photographs: list[Path],
    options: TrainingOptions,
    arguments: argparse.Namespace,
) -> tuple[dict[str, Any], bool]:
    """Train one style and write it; return its card, and whether it was interrupted.

    The state is kept beside the output until the training is done: the same command goes on.
    """
    from velatura.fast.styles import Style, load, save
    from velatura.fast.training import train_style
    from velatura.images.io import read
    from velatura.training import loop

    image = read(painting).pixels
    unfinished = output.with_name(output.name + ".unfinished")
    about = {
        "options": options.as_dict(),
        "painting": hashlib.sha256(painting.read_bytes()).hexdigest(),
        "start_from": arguments.start_from,
    }
    state = loop.load(unfinished, json.loads(json.dumps(about))) if unfinished.exists() else None
    start = load(arguments.start_from).network if arguments.start_from else None
    due = time.monotonic() + SECONDS_BETWEEN_CHECKPOINTS
    step: StyleStep | None = None
    interrupted = False
    held_out: dict[int, float] = {}
    try:
        with Progress(arguments.quiet, f"{painting.stem} ") as progress:
            if state:
                progress.say(f"{output}: going on after step {state.number}")
            for step in train_style(image, photographs, options, start, state, say):
                now = step.training
                where = f"step {now.number}/{now.total}"
                progress.at(now.number, now.total, now.seconds, where, losses(now.terms))
                if step.held_out is not None:
                    held_out[now.number] = step.held_out
                if arguments.log:
                    _log(arguments.log, step)
                if arguments.sheet and now.number % -(-now.total // SHEETS) == 0:
                    _draw(arguments.sheet, step, photographs, options.size)
                if time.monotonic() >= due:
                    loop.save(unfinished, step.state(), about)
                    due = time.monotonic() + SECONDS_BETWEEN_CHECKPOINTS
    except KeyboardInterrupt:
        if step is None:
            raise
        interrupted = True
        loop.save(unfinished, step.state(), about)
    if step is None:
        raise ImageError(f"{unfinished}: expected an unfinished training, got one that is done")
    card = {
        "painting": painting.stem,
        "steps": step.training.number,
        "seconds": round(step.training.seconds),
        "photographs": [str(folder.name) for folder in arguments.photos],
        "licence": arguments.licence,
        "options": options.as_dict(),
        "content_weight": round(step.content_weight, 4),
        "losses": {name: round(value, 4) for name, value in step.training.terms.items()},
        "held_out": held_out,
    }
    save(output, Style(step.network, card))
    if not interrupted:
        unfinished.unlink(missing_ok=True)
    stopped = f"interrupted after step {step.training.number}, the same command goes on, "
    progress.say(f"{output}: {stopped if interrupted else ''}{step.training.seconds:.0f} s")
    return {"output": str(output), **card}, interrupted


def _log(path: Path, step: "StyleStep") -> None:
    now = step.training
    line = {"step": now.number, "seconds": round(now.seconds, 2), "losses": now.terms}
    line |= {"content_weight": step.content_weight, "held_out": step.held_out}
    with path.open("a", encoding="utf-8") as log:
        print(json.dumps(line), file=log)


def _draw(path: Path, step: "StyleStep", photographs: list[Path], size: int) -> None:
    """Some of the photographs held out, and what the network makes of them."""
    from velatura.images.io import read, to_pil, write
    from velatura.images.resize import fit, resize
    from velatura.images.sheet import grid
    from velatura.training.photographs import split

    rows = []
    for path_held_out in split(photographs)[1][:3]:
        try:
            photograph = read(path_held_out).pixels
        except ImageError:
            continue
        height, width = photograph.shape[-2:]
        photograph = resize(photograph, fit((height, width), min(size, max(height, width))))
        painted = step.network.paint(photograph.to(step.network.palette_mean))
        rows.append([to_pil(photograph), to_pil(painted)])
    if rows:
        write(path, grid(rows, [""] * len(rows), ["", f"step {step.training.number}"]))
