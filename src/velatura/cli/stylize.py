"""`velatura stylize`: paint a photograph in the style of a painting."""

import argparse
import json
from pathlib import Path

from velatura.cli.options import add_config_options, config_from
from velatura.cli.painting import paint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="the painting(s)")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="where to write; the ending says what"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    report, interrupted = paint(
        arguments.content,
        arguments.styles,
        arguments.output,
        config_from(arguments),
        quiet=arguments.quiet,
    )
    if arguments.json:
        print(json.dumps(report))
    return 130 if interrupted else 0
