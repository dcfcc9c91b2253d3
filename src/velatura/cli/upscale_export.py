"""`velatura upscale export`: write an upscaling model as an ONNX file."""

import argparse

from velatura.cli.outputs import add_input, add_output
from velatura.cli.progress import say
from velatura.superres.options import SCALES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "model", type=str, help="faithful, perceptual, or a file")
    add_output(parser, "-o", "--output", required=True, help="a name in .onnx")
    parser.add_argument(
        "--scale", type=int, choices=SCALES, default=4, help="how many times (default: 4)"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing")


def run(arguments: argparse.Namespace) -> int:
    from velatura.superres.export import export
    from velatura.superres.models import load

    differences = export(load(arguments.model), arguments.scale, arguments.output)
    if not arguments.quiet:
        for (height, width), difference in differences.items():
            say(f"{width}×{height}: differs from PyTorch by at most {difference:.2g}")
    return 0
