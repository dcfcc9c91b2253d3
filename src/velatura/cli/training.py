"""Trainings as commands: progress, log, sheets, and a state that outlives an interruption."""

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_reading_arguments
from velatura.cli.outputs import Outputs, add_input, add_output
from velatura.cli.progress import Progress, losses, say
from velatura.errors import ConfigError, ImageError
from velatura.files import append, check_place

if TYPE_CHECKING:
    import torch

    from velatura.training.loop import Progress as State
    from velatura.training.loop import TrainingStep

SECONDS_BETWEEN_CHECKPOINTS = 60.0
SHEETS = 10  # that a training draws, each over the one before


@dataclass(frozen=True)
class Done:
    """What came of a training."""

    step: "TrainingStep"  # the last
    held_out: dict[int, float]
    interrupted: bool
    kept: bool  # a state to go on from
    left_out: list[str]  # what was said of photographs that could not be read


def add_arguments(parser: argparse.ArgumentParser, start_from: str) -> None:
    """What every training is asked; `start_from` says what it may begin with."""
    add_input(
        parser,
        "--photos",
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of photographs to train on; a tenth of them is kept to judge by",
    )
    add_input(parser, "--start-from", type=str, metavar="MODEL", help=start_from)
    add_output(parser, "--sheet", metavar="FILE", help="draw what is learnt so far")
    add_output(parser, "--log", metavar="FILE", help="losses, a line of JSON a step")
    parser.add_argument("--licence", default="", help="of the model, to be written in it")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    add_reading_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def check_output(path: Path) -> None:
    """Raise ConfigError or FileError now if a model cannot be written at `path`."""
    if path.suffix != ".safetensors":
        raise ConfigError(f"output: expected a name ending in .safetensors, got {path.name!r}")
    check_place(path)


def follow(
    begin: Callable[["State | None", Callable[[str], None]], "Iterator[TrainingStep]"],
    output: Path,
    about: Mapping[str, Any],
    draw: Callable[["torch.nn.Module", Path], None],
    arguments: argparse.Namespace,
) -> Done:
    """Follow a training to its end, or to Ctrl-C.

    Its state is kept beside `output` until it is done: a training that is `about` the same goes on
    from it. `begin` is given that state, or None, and whom to tell of photographs that are left
    out; `draw` makes a sheet of what the network does. A full disk costs the state, the sheet or
    the log, but not the training. Signals wait from its end on, for the model to be written.
    """
    from velatura.images.io import check_writable
    from velatura.training import loop

    outputs: Outputs = arguments.outputs
    unfinished = output.with_name(output.name + ".unfinished")
    outputs.claims.write(unfinished)
    if arguments.sheet:
        check_writable(arguments.sheet)
    if arguments.log:
        append(arguments.log, "")
    about = json.loads(json.dumps(about))
    state = loop.load(unfinished, about) if unfinished.exists() else None
    due = time.monotonic() + SECONDS_BETWEEN_CHECKPOINTS
    step: TrainingStep | None = None
    reached: State | None = None
    interrupted = kept = False
    held_out: dict[int, float] = {}
    left_out: list[str] = []
    try:
        with Progress(arguments.quiet, f"{output.stem} ") as progress:

            def on_error(message: str) -> None:
                left_out.append(message)
                say(message)

            if state:
                progress.say(f"{output}: going on after step {state.number}")
            for step in begin(state, on_error):
                reached = step.state()  # now: an interruption may come amid the next step
                where = f"step {step.number}/{step.total}"
                progress.at(step.number, step.total, step.seconds, where, losses(step.terms))
                if step.held_out is not None:
                    held_out[step.number] = step.held_out
                if arguments.log:
                    outputs.attempt(arguments.log, partial(_log, arguments.log, step))
                if arguments.sheet and step.number % -(-step.total // SHEETS) == 0:
                    outputs.attempt(arguments.sheet, partial(draw, step.network, arguments.sheet))
                if time.monotonic() >= due and step.number < step.total:
                    outputs.attempt(unfinished, partial(loop.save, unfinished, reached, about))
                    due = time.monotonic() + SECONDS_BETWEEN_CHECKPOINTS
        INTERRUPTIONS.hold()
    except KeyboardInterrupt:
        INTERRUPTIONS.hold()
        if step is None or reached is None:
            raise
        interrupted = step.number < step.total
        save = partial(loop.save, unfinished, reached, about)
        kept = interrupted and outputs.attempt(unfinished, save)
    if step is None:
        raise ImageError(f"{unfinished}: expected an unfinished training, got one that is done")
    return Done(step, held_out, interrupted, kept, left_out)


def finish(output: Path, done: Done, quiet: bool) -> None:
    """Say what came of it, once the model is written, and forget the state if it is whole."""
    if not done.interrupted:
        output.with_name(output.name + ".unfinished").unlink(missing_ok=True)
    number = done.step.number
    stopped = f"interrupted after step {number}, "
    if done.kept:
        stopped += "the same command goes on, "
    if done.left_out:
        say(f"photographs that were left out: {len(done.left_out)}")
    if not quiet:
        say(f"{output}: {stopped if done.interrupted else ''}{done.step.seconds:.0f} s")


def card(done: Done, arguments: argparse.Namespace, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a model says of its own training."""
    return {
        "command": arguments.command_line,
        "steps": done.step.number,
        "seconds": round(done.step.seconds),
        "photographs": [folder.name for folder in arguments.photos],
        "left_out": len(done.left_out),
        "licence": arguments.licence,
        "options": dict(options),
        "losses": {name: round(value, 4) for name, value in done.step.terms.items()},
        "held_out": done.held_out,
    }


def held_out_pictures(photographs: Sequence[Path], count: int) -> "list[torch.Tensor]":
    """Up to `count` of the photographs kept to judge by that can be read, to draw a sheet of."""
    from velatura.images.io import read
    from velatura.training.photographs import split

    trained, held_out = split(photographs)
    found: list[torch.Tensor] = []
    for path in (*held_out, *trained):
        with contextlib.suppress(ImageError):
            found += [read(path).pixels] if len(found) < count else []
    return found


def _log(path: Path, step: "TrainingStep") -> None:
    line = {"step": step.number, "seconds": round(step.seconds, 2), "losses": step.terms}
    append(path, json.dumps({**line, **step.sought, "held_out": step.held_out}) + "\n")
