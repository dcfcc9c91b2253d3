"""`velatura stylize`: paint a photograph, or a folder of them, in the style of a painting."""

import argparse
from pathlib import Path

from velatura.cli.commission import Commission
from velatura.cli.folders import photographs, work_on_all
from velatura.cli.options import add_config_options, config_from
from velatura.cli.painting import add_output_arguments, carry_out, paint
from velatura.errors import ConfigError

ONE_PICTURE_ONLY = ("checkpoint", "film", "strip", "log", "plot")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "content", type=Path, help="the photograph; or a folder, or a quoted pattern as '*.jpg'"
    )
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="the painting(s)")
    add_output_arguments(parser)
    parser.add_argument(
        "--recipe", default="default", help="settings to begin with; see velatura recipes"
    )
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    config = config_from(arguments)
    several = photographs([arguments.content])
    if several is None:
        commission = Commission(arguments.content, arguments.styles, arguments.output, config)
        return carry_out(commission, arguments)
    for option in ONE_PICTURE_ONLY:
        if getattr(arguments, option):
            raise ConfigError(f"{option}: expected one photograph, got {len(several)}")
    return work_on_all(
        several,
        lambda photograph, output: paint(
            Commission(photograph, arguments.styles, output, config), quiet=arguments.quiet
        ),
        arguments,
    )
