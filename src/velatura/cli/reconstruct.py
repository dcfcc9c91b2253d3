"""`velatura reconstruct`: what a layer still knows of a photograph, painted from noise."""

import argparse

from velatura.cli.options import add_config_options, config_from
from velatura.cli.outputs import add_input
from velatura.cli.painting import add_output_arguments, carry_out
from velatura.painting.config import StyleConfig
from velatura.painting.recipes import CONTENT_ONLY
from velatura.session.job import Job

FIXED = {
    "content_layers",
    "content_weight",
    "content_focus",
    "strength",
    "mask",
    "style_mask",
    "style_layers",
    "style_weight",
    "style_loss",
    "stroke_size",
    "style_shape",
    "gram_norm",
    "blend",
    "palette",
    "colors",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "content", help="the photograph")
    parser.add_argument(
        "--layer", default="relu4_2", help="whose features are kept (default: relu4_2)"
    )
    add_output_arguments(parser)
    add_config_options(parser, StyleConfig, without=FIXED)


def run(arguments: argparse.Namespace) -> int:
    config = config_from(arguments, CONTENT_ONLY | {"content_layers": {arguments.layer: 1.0}})
    return carry_out(Job(arguments.content, [], config, arguments.output), arguments)
