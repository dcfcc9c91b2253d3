"""`velatura fast apply`: paint photographs in a style that is learnt."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.folders import Made, make_pictures
from velatura.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

COLORS = ("style", "content-luminance", "content-match")


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
    parser.add_argument("--size", type=int, help="long side in pixels (default: as it is)")
    parser.add_argument(
        "--strength", type=float, default=1.0, help="from photograph (0) to painting (1, default)"
    )
    parser.add_argument(
        "--colors", choices=COLORS, default="style", help="the style's, or the photograph's"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 … or mps")
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), default="auto", help="of the network"
    )
    parser.add_argument(
        "--backend", choices=("torch", "onnx"), default="torch", help="what runs the network"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.strength <= 1:
        raise ConfigError(f"strength: expected a number from 0 to 1, got {arguments.strength}")
    if arguments.size is not None and arguments.size < 16:
        raise ConfigError(f"size: expected at least 16 pixels, got {arguments.size}")
    if arguments.backend == "onnx":
        from velatura.fast.onnx_backend import OnnxPainter

        painter: Any = OnnxPainter(arguments.style, arguments.strength, arguments.colors)
    else:
        from velatura.fast.painter import Painter

        painter = Painter(
            arguments.style,
            arguments.strength,
            arguments.colors,
            arguments.device,
            arguments.precision,
        )

    settings = {"style": arguments.style, "strength": arguments.strength}
    settings |= {"colors": arguments.colors, "fast": painter.card}

    def make(photograph: Path, output: Path, watch: "Callable[[float], None]") -> Made:
        return painter.paint(photograph, arguments.size, watch), settings

    return make_pictures(make, arguments)
