"""Paint one picture, show the progress, write the file: what several commands share."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.outputs import Outputs, add_output, shown
from velatura.cli.progress import Progress, say
from velatura.cli.record import Record, add_record_arguments
from velatura.errors import ConfigError, VelaturaError, in_one_line
from velatura.machine import is_first_process
from velatura.session.checkpoint import SECONDS_BETWEEN, STATE, Checkpoint
from velatura.session.job import FILE_NAME, Job

if TYPE_CHECKING:
    from velatura.session.session import Session


def carry_out(job: Job, arguments: argparse.Namespace) -> int:
    """Paint as the options of `add_output_arguments` ask; return the exit code."""
    from velatura.images.io import check_writable

    folder: Path | None = arguments.checkpoint
    outputs: Outputs = arguments.outputs
    record = Record(arguments if is_first_process() else None)
    checkpoint = None
    if folder:
        checkpoint = Checkpoint(folder, arguments.checkpoint_seconds, outputs.tell)
        if checkpoint.is_unfinished:
            raise ConfigError(
                f"checkpoint: {folder} holds a painting that is not finished; go on with "
                f"`velatura resume {folder}`, or name another folder"
            )
        check_writable(arguments.output)
        outputs.claims.write(folder / STATE, folder / FILE_NAME)
    report, interrupted = paint(
        job, outputs, quiet=arguments.quiet, checkpoint=checkpoint, record=record
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
        default=SECONDS_BETWEEN,
        help="how often (default: %(default)g)",
    )
    add_record_arguments(parser)


def paint(
    job: Job,
    outputs: Outputs,
    *,
    quiet: bool,
    checkpoint: Checkpoint | None = None,
    record: Record | None = None,
) -> tuple[dict[str, Any], bool]:
    """Paint a job and write the picture; return the report and whether it was interrupted.

    Interrupted or failing half-way, it writes what is painted so far. What cannot be written beside
    the picture is left to `outputs` to tell. Of several processes the first one writes, the others
    return an empty report.
    """
    from velatura.images.io import check_writable
    from velatura.session.session import Session

    output = _output(job)
    check_writable(output)
    record = record or Record(None)
    session = Session(job, checkpoint)
    failure: BaseException | None = None
    report: dict[str, Any] = {}
    with INTERRUPTIONS as interruptions:
        try:
            with Progress(quiet) as progress:
                for step in session:
                    progress.show(step)
                    if is_first_process():
                        record.add(step, outputs)
            interruptions.hold()
        except (KeyboardInterrupt, VelaturaError) as error:
            interruptions.hold()
            failure = error
            if session.step is None:
                raise
        interrupted = isinstance(failure, KeyboardInterrupt)
        if is_first_process():
            report = _write(session, outputs)
            interrupted = interrupted or interruptions.came
            report["interrupted"] = interrupted
            try:
                interruptions.release()
                record.write(outputs)
                interruptions.hold()
            except KeyboardInterrupt:
                interruptions.hold()
                interrupted = True
                say("velatura: interrupted; not all that goes beside the picture was written")
        if failure and not interrupted:
            progress.say(f"{shown(output)}: what was painted before the failure")
            raise failure
        session.close()
        progress.say(f"{shown(output)}: {_ended(session, interrupted, report)}")
        if checkpoint and checkpoint.is_unfinished:
            progress.say(f"go on with: velatura resume {checkpoint.folder}")
        return report, interrupted or interruptions.came


def _output(job: Job) -> Path:
    if job.output is None:
        raise ConfigError("output: expected a file to write to, got none")
    return job.output


def _ended(session: "Session", interrupted: bool, report: dict[str, Any]) -> str:
    """How a painting ended: `stopped after step 5 of 9, 512×384, 12 s`."""
    assert session.step is not None  # noqa: S101  there is a picture
    step = session.step
    how = "interrupted" if interrupted else "stopped"
    stopped = f"{how} after step {step.number} of {step.total}, "
    size = f"{report['width']}×{report['height']}, " if report else ""
    return f"{'' if step.number == step.total else stopped}{size}{step.seconds:.0f} s"


def _write(session: "Session", outputs: Outputs) -> dict[str, Any]:
    """Write the picture at full size with its settings; return the report."""
    job, result, step = session.job, session.result(), session.step
    output = _output(job)
    try:
        result = result.enlarged(job.upscale, job.config.device)
    except (VelaturaError, RuntimeError, MemoryError) as error:
        say(f"velatura: {shown(output)}: cannot be enlarged ({in_one_line(error)})")
        outputs.failed = True
    written = outputs.keep(output, result.save)
    height, width = result.picture.size
    return {
        "output": str(written),
        "content": None if job.content is None else str(job.content),
        "styles": [str(style) for style in job.styles],
        "width": width,
        "height": height,
        "steps": result.steps,
        "tiles": step.tiles if step else 1,
        "seconds": round(result.seconds, 2),
        "loss": sum(result.losses.values()),
        "losses": result.losses,
        "settings": job.config.as_dict(),
    }
