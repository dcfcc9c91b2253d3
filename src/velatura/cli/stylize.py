"""`velatura stylize`: paint a photograph, or a folder of them, in the style of a painting."""

import argparse
from pathlib import Path

from velatura.cli.folders import add_recursive_argument, is_one, photographs, work_on_all
from velatura.cli.options import add_config_options, config_from
from velatura.cli.outputs import add_input
from velatura.cli.painting import add_output_arguments, carry_out, paint
from velatura.errors import ConfigError
from velatura.painting.config import StyleConfig
from velatura.session.job import Job
from velatura.superres.options import SCALES

ONE_PICTURE_ONLY = ("checkpoint", "film", "strip", "log", "plot")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "content", help="the photograph; or a folder, or a quoted pattern as '*.jpg'")
    add_input(parser, "styles", nargs="+", metavar="style", help="the painting(s)")
    add_output_arguments(parser)
    add_recursive_argument(parser)
    parser.add_argument(
        "--recipe", default="default", help="settings to begin with; see velatura recipes"
    )
    parser.add_argument(
        "--upscale",
        type=int,
        choices=SCALES,
        default=1,
        help="enlarge the picture so many times when it is done; see velatura upscale",
    )
    add_config_options(parser, StyleConfig)


def run(arguments: argparse.Namespace) -> int:
    config = config_from(arguments)

    def job(photograph: Path, output: Path) -> Job:
        return Job(photograph, arguments.styles, config, output, upscale=arguments.upscale)

    if is_one([arguments.content]):
        return carry_out(job(arguments.content, arguments.output), arguments)
    several = photographs([arguments.content], arguments)
    for option in ONE_PICTURE_ONLY:
        if getattr(arguments, option):
            raise ConfigError(f"{option}: expected one photograph, got {len(several)}")
    return work_on_all(
        several,
        lambda photograph, output: paint(
            job(photograph, output), arguments.outputs, quiet=arguments.quiet
        ),
        arguments,
    )
