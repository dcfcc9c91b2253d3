"""Paint one picture, show the progress, write the file: what several commands share."""

import argparse
import dataclasses
import functools
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.commission import COMMISSION, Commission
from velatura.cli.interruptions import KEEPING
from velatura.cli.outputs import Outputs, add_output, shown
from velatura.cli.progress import Progress, is_first, say
from velatura.cli.record import Record, add_record_arguments
from velatura.errors import ConfigError, VelaturaError, in_one_line

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from velatura.images.io import Picture
    from velatura.painting.checkpoint import State
    from velatura.painting.engine import Step

STATE = "state.safetensors"
SECONDS_BETWEEN_CHECKPOINTS = 30.0


def carry_out(commission: Commission, arguments: argparse.Namespace) -> int:
    """Paint as the options of `add_output_arguments` ask; return the exit code."""
    from velatura.images.io import check_writable

    checkpoint: Path | None = arguments.checkpoint
    outputs: Outputs = arguments.outputs
    record = Record(arguments if is_first() else None)
    if checkpoint:
        if (checkpoint / STATE).exists():
            raise ConfigError(
                f"checkpoint: {checkpoint} holds a painting that is not finished; go on with "
                f"`velatura resume {checkpoint}`, or name another folder"
            )
        check_writable(commission.output)
        outputs.claims.write(checkpoint / STATE, checkpoint / COMMISSION)
        commission = _with_memory_fixed(commission)
        saved = functools.partial(commission.save, checkpoint)
        if not outputs.attempt(checkpoint / COMMISSION, saved):
            checkpoint = None
    report, interrupted = paint(
        commission,
        outputs,
        quiet=arguments.quiet,
        checkpoint=checkpoint,
        seconds_between=arguments.checkpoint_seconds,
        record=record,
    )
    if arguments.json and report:
        print(json.dumps(report))
    return 130 if interrupted else 0


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the picture goes and what is told meanwhile."""
    add_output(
        parser,
        *("-o", "--output"),
        picture=True,
        required=True,
        help="where to write; the ending says what",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_output(
        parser, "--checkpoint", metavar="DIR", help="keep the state there, for velatura resume"
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        metavar="SECONDS",
        default=SECONDS_BETWEEN_CHECKPOINTS,
        help="how often (default: %(default)g)",
    )
    add_record_arguments(parser)


def paint(
    commission: Commission,
    outputs: Outputs,
    *,
    quiet: bool,
    checkpoint: Path | None = None,
    seconds_between: float = SECONDS_BETWEEN_CHECKPOINTS,
    record: Record | None = None,
) -> tuple[dict[str, Any], bool]:
    """Paint and write the picture; return the report and whether the painting was interrupted.

    Interrupted or failing half-way, it writes what is painted so far. With a `checkpoint` folder
    it goes on from the state there, if there is one, and writes it every so often. What cannot be
    written beside the picture is left to `outputs` to tell. Of several processes the first one
    writes, the others return an empty report.
    """
    from velatura.painting.engine import transfer

    subject, alpha = _subject(commission)
    record = record or Record(None)
    checkpoints = Checkpoints(checkpoint, seconds_between)
    step: Step | None = None
    failure: BaseException | None = None
    report: dict[str, Any] = {}
    with KEEPING as keeping:
        try:
            with Progress(quiet) as progress:
                for step in transfer(
                    subject,
                    commission.styles,
                    commission.bounded,
                    first=_in_one_pass(commission),
                    state=checkpoints.state(),
                ):
                    progress.show(step)
                    if is_first():
                        checkpoints.add(step, outputs)
                        record.add(step, outputs)
            keeping.hold()
        except (KeyboardInterrupt, VelaturaError, RuntimeError, MemoryError) as error:
            keeping.hold()
            failure = error if isinstance(error, KeyboardInterrupt) else _explained(error)
            if step is None:
                raise failure from error
        if step is None:
            raise VelaturaError("nothing was painted: there was no step left to make")
        interrupted = isinstance(failure, KeyboardInterrupt)
        if is_first():
            report = _write(commission, step, alpha, outputs)
            interrupted = interrupted or keeping.came
            report["interrupted"] = interrupted
            try:
                keeping.release()
                record.write(outputs)
                if failure is None and step.number < step.total:  # --max-seconds are over
                    checkpoints.write(step, outputs)
                keeping.hold()
            except KeyboardInterrupt:
                keeping.hold()
                interrupted = True
                say("velatura: interrupted; not all that goes beside the picture was written")
        if failure and not isinstance(failure, KeyboardInterrupt):
            progress.say(f"{shown(commission.output)}: what was painted before the failure")
            raise failure
        whole = step.number == step.total
        how = "interrupted" if interrupted else "stopped"
        stopped = "" if whole else f"{how} after step {step.number} of {step.total}, "
        size = f"{report['width']}×{report['height']}, " if report else ""
        progress.say(f"{shown(commission.output)}: {stopped}{size}{step.seconds:.0f} s")
        if checkpoint and not whole:
            progress.say(f"go on with: velatura resume {checkpoint}")
        elif whole and is_first():
            checkpoints.clear()
        return report, interrupted or keeping.came


def _subject(commission: Commission) -> "tuple[Path | Image.Image, Tensor | None]":
    """What is painted, and the alpha it will have. Raises what must be known before it begins."""
    from PIL import Image

    from velatura.images import io
    from velatura.painting.engine import plan

    io.check_writable(commission.output)
    subject = commission.content or Image.new("RGB", commission.canvas, "gray")
    # Read once more by `transfer`: a photograph held here would stay in memory all along.
    photograph = io.read(subject, commission.config.size, commission.config.max_pixels)
    height, width = plan(photograph.size, commission.config)[-1].size
    io.check_size(commission.output, (height * commission.upscale, width * commission.upscale))
    return subject, photograph.alpha


class Checkpoints:
    """The state of a painting in a folder, written every so often; None for no folder."""

    def __init__(self, folder: Path | None, seconds_between: float) -> None:
        self.folder, self.seconds_between = folder, seconds_between
        self.due = time.monotonic() + seconds_between

    def state(self) -> "State | None":
        """The state to go on from, if one was written."""
        from velatura.painting import checkpoint

        if self.folder and (self.folder / STATE).exists():
            return checkpoint.load(self.folder / STATE)
        return None

    def add(self, step: "Step", outputs: Outputs) -> None:
        """Look at a step; write its state if it is time."""
        if not self.folder or time.monotonic() < self.due or step.number == step.total:
            return
        began = time.monotonic()
        self.write(step, outputs)
        spent = time.monotonic() - began
        self.due = time.monotonic() + max(self.seconds_between, 10 * spent)

    def write(self, step: "Step", outputs: Outputs) -> None:
        """Write the state of a step, before the next one is taken."""
        from velatura.painting import checkpoint

        if self.folder:
            path = self.folder / STATE
            outputs.attempt(path, lambda: checkpoint.save(path, step.state()))

    def clear(self) -> None:
        """Leave nothing behind of a painting that is done."""
        if self.folder:
            for name in (STATE, COMMISSION):
                (self.folder / name).unlink(missing_ok=True)


def _explained(error: Exception) -> VelaturaError:
    if isinstance(error, VelaturaError):
        return error
    return VelaturaError(  # out of memory, mostly
        f"the painting failed ({in_one_line(error)}); a smaller --size or --memory may help"
    )


def _in_one_pass(commission: Commission) -> "Image.Image | None":
    """What a one-pass style makes of the photograph, to begin with."""
    if not commission.first or not commission.content:
        return None
    from velatura.fast.painter import Painter

    painter = Painter(commission.first, device=commission.config.device)
    return painter.paint(commission.content, commission.config.size).convert("RGB")


def _write(
    commission: Commission, step: "Step", alpha: "Tensor | None", outputs: Outputs
) -> dict[str, Any]:
    """Write the picture at full size with its settings; return the report."""
    from velatura.painting.stylize import full_size, write_picture

    names = [style.name for style in commission.styles]
    content = commission.content.name if commission.content else None
    also: dict[str, Any] = {"first": commission.first} if commission.first else {}
    picture = full_size(step, alpha)
    if commission.upscale > 1:
        larger = _enlarged(picture, commission, outputs)
        also |= {"upscale": commission.upscale} if larger else {}
        picture = larger or picture
    config = commission.config
    written = outputs.keep(
        commission.output,
        lambda path: write_picture(path, picture, step, config, content, names, also),
    )
    height, width = picture.size
    return {
        "output": str(written),
        "content": str(commission.content) if commission.content else None,
        "styles": [str(style) for style in commission.styles],
        "width": width,
        "height": height,
        "steps": step.number,
        "tiles": step.tiles,
        "seconds": round(step.seconds, 2),
        "loss": step.loss,
        "losses": step.terms,
        "settings": commission.config.as_dict(),
    }


def _enlarged(picture: "Picture", commission: Commission, outputs: Outputs) -> "Picture | None":
    """The picture as large as was asked for; None, which is told, if that fails."""
    from velatura.superres.upscaler import Upscaler

    try:
        upscaler = Upscaler(scale=commission.upscale, device=commission.config.device)
        return upscaler.enlarge(picture)
    except (VelaturaError, RuntimeError, MemoryError) as error:
        say(f"velatura: {shown(commission.output)}: cannot be enlarged ({in_one_line(error)})")
        outputs.failed = True
        return None


def _with_memory_fixed(commission: Commission) -> Commission:
    """Name the memory that is free now, so that a resumed painting has the same tiles."""
    from velatura.painting.memory import limit_bytes
    from velatura.perception.devices import pick_device

    config = commission.config
    limit = limit_bytes(config.memory, pick_device(config.device))
    return dataclasses.replace(commission, memory=f"{limit / 1e6:.0f}MB")
