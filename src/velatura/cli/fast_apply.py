"""`velatura fast apply`: paint photographs in a style that is learnt."""

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.folders import Made, add_recursive_argument, is_one, make_pictures
from velatura.cli.options import add_config_options, add_reading_arguments, given_options
from velatura.cli.outputs import add_input, add_output
from velatura.errors import ConfigError, ImageError
from velatura.fast.options import PaintOptions, settings

if TYPE_CHECKING:
    from collections.abc import Callable

SOON_PAINTED = 1 << 21  # pixels, up to which starting takes longer than painting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "photos", nargs="+", metavar="photo", help="photographs, folders or patterns")
    add_input(
        parser,
        "--style",
        type=str,
        required=True,
        help="a name that `velatura fast list` shows, or a file",
    )
    add_output(
        parser,
        *("-o", "--output"),
        picture=True,
        required=True,
        help="a picture, or a folder of several",
    )
    add_recursive_argument(parser)
    add_config_options(parser, PaintOptions)
    parser.add_argument(
        "--backend",
        choices=("torch", "onnx"),
        help="what runs the network; if not said, onnx for one small photograph",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    add_reading_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    options = PaintOptions(**given_options(arguments, PaintOptions))
    if backend(arguments, options) == "onnx":
        from velatura.fast.onnx_backend import OnnxPainter

        if options.device not in ("auto", "cpu") or options.precision == "bf16":
            raise ConfigError("backend: onnx paints on the CPU in fp32; leave out --backend onnx")
        painter: Any = OnnxPainter(arguments.style, options.strength, options.colors)
    else:
        from velatura.fast.painter import Painter

        painter = Painter(
            arguments.style, options.strength, options.colors, options.device, options.precision
        )

    def make(photograph: Path, output: Path, on_progress: "Callable[[float], None]") -> Made:
        image = painter.paint(photograph, options.size or None, on_progress)
        return image, settings(photograph.name, arguments.style, options, painter.card)

    return make_pictures(make, arguments)


def backend(arguments: argparse.Namespace, options: PaintOptions) -> str:
    """What runs the network, `onnx` or `torch`, where that was not said.

    onnxruntime starts sooner, as torch is not imported; PyTorch paints pictures of any size, on any
    device, and in colours of the photograph's.
    """
    if arguments.backend:
        return str(arguments.backend)
    if arguments.style.lower().endswith(".onnx"):
        return "onnx"
    plain = options == PaintOptions(size=options.size, strength=options.strength)
    installed = all(importlib.util.find_spec(module) for module in ("onnx", "onnxruntime"))
    one = plain and installed and is_one(arguments.photos)
    return "onnx" if one and _is_small(arguments.photos[0], options.size) else "torch"


def _is_small(photograph: Path, size: int) -> bool:
    from velatura.images.io import inspect

    if 0 < size**2 <= SOON_PAINTED:
        return True
    try:
        inspect(photograph, SOON_PAINTED, decode=False)
    except ImageError:  # of one that cannot be read, too: the painter tells
        return False
    return True
