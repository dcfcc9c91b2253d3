"""`velatura texture`: a new texture of any size from a painting, its style alone, out of noise."""

import argparse
import re

from velatura.cli.options import add_config_options, config_from
from velatura.cli.outputs import add_input
from velatura.cli.painting import add_output_arguments, carry_out
from velatura.painting.config import StyleConfig
from velatura.painting.recipes import STYLE_ONLY
from velatura.session.job import Job

FIXED = {
    "size",
    "content_layers",
    "content_weight",
    "content_focus",
    "content_loss",
    "strength",
    "palette",
    "colors",
    "mask",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "styles", nargs="+", metavar="style", help="the painting(s)")
    parser.add_argument(
        "--size",
        dest="canvas",
        type=_canvas,
        default=(512, 512),
        metavar="WIDTHxHEIGHT",
        help="of the texture in pixels (default: 512x512)",
    )
    add_output_arguments(parser)
    add_config_options(parser, StyleConfig, without=FIXED)


def run(arguments: argparse.Namespace) -> int:
    config = config_from(arguments, STYLE_ONLY | {"size": max(arguments.canvas)})
    job = Job(None, arguments.styles, config, arguments.output, canvas=arguments.canvas)
    return carry_out(job, arguments)


def _canvas(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", text)
    if not match or not all(int(side or match[1]) >= 16 for side in match.groups()):
        raise argparse.ArgumentTypeError(
            f"expected WIDTHxHEIGHT, or one number for both, at least 16 pixels, got {text!r}"
        )
    return int(match[1]), int(match[2] or match[1])
