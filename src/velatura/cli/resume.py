"""`velatura resume`: go on with a painting that was stopped or killed."""

import argparse
import json

from velatura.cli.commission import COMMISSION, Commission
from velatura.cli.outputs import add_input
from velatura.cli.painting import STATE, paint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "folder", help="what --checkpoint named")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    commission = Commission.load(arguments.folder)
    folder, outputs = arguments.folder, arguments.outputs
    outputs.claims.read(*commission.inputs)
    outputs.claims.write(commission.output, folder / STATE, folder / COMMISSION)
    report, interrupted = paint(commission, outputs, quiet=arguments.quiet, checkpoint=folder)
    if arguments.json and report:
        print(json.dumps(report))
    return 130 if interrupted else 0
