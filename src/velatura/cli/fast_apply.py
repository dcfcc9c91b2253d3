"""`velatura fast apply`: paint photographs in a style that is learnt."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.folders import Made, make_pictures
from velatura.cli.options import add_config_options, given_options
from velatura.fast.options import PaintOptions, settings

if TYPE_CHECKING:
    from collections.abc import Callable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos", type=Path, nargs="+", metavar="photo", help="photographs, folders or patterns"
    )
    parser.add_argument(
        "--style", required=True, help="a name that `velatura fast list` shows, or a file"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="a picture, or a folder of several"
    )
    add_config_options(parser, options=PaintOptions)
    parser.add_argument(
        "--backend",
        choices=("torch", "onnx"),
        help="what runs the network; of a style in .onnx it is onnx, else torch",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    options = PaintOptions(**given_options(arguments, PaintOptions))
    exported = arguments.style.lower().endswith(".onnx")
    if (arguments.backend or ("onnx" if exported else "torch")) == "onnx":
        from velatura.fast.onnx_backend import OnnxPainter

        painter: Any = OnnxPainter(arguments.style, options.strength, options.colors)
    else:
        from velatura.fast.painter import Painter

        painter = Painter(
            arguments.style, options.strength, options.colors, options.device, options.precision
        )

    def make(photograph: Path, output: Path, watch: "Callable[[float], None]") -> Made:
        image = painter.paint(photograph, options.size or None, watch)
        return image, settings(photograph.name, arguments.style, options, painter.card)

    return make_pictures(make, arguments)
