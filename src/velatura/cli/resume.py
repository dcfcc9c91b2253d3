"""`velatura resume`: go on with a painting that was stopped or killed."""

import argparse
import dataclasses
import json

from velatura.cli.outputs import add_input
from velatura.cli.painting import paint
from velatura.session.checkpoint import STATE, Checkpoint
from velatura.session.job import FILE_NAME, Job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "folder", help="what --checkpoint named")
    parser.add_argument(
        "--max-seconds",
        type=float,
        metavar="SECONDS",
        help="stop this run after so many (default: those the painting was begun with, if any)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    folder, outputs = arguments.folder, arguments.outputs
    job = Job.load(folder)
    if arguments.max_seconds is not None:
        config = dataclasses.replace(job.config, max_seconds=arguments.max_seconds)
        job = dataclasses.replace(job, config=config)
    outputs.claims.read(*job.inputs)
    outputs.claims.write(folder / STATE, folder / FILE_NAME)
    if job.output:
        outputs.claims.write(job.output)
    checkpoint = Checkpoint(folder, on_error=outputs.tell)
    report, interrupted = paint(job, outputs, quiet=arguments.quiet, checkpoint=checkpoint)
    if arguments.json and report:
        print(json.dumps(report))
    return 130 if interrupted else 0
