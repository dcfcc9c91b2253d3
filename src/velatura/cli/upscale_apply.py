"""`velatura upscale apply`: enlarge photographs two, three or four times."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.cli.folders import Made, add_recursive_argument, make_pictures
from velatura.cli.options import add_reading_arguments
from velatura.cli.outputs import add_input, add_output
from velatura.cli.progress import say
from velatura.superres.options import SCALES

if TYPE_CHECKING:
    from collections.abc import Callable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "photos", nargs="+", metavar="photo", help="photographs, folders or patterns")
    add_output(
        parser,
        *("-o", "--output"),
        picture=True,
        required=True,
        help="a picture, or a folder of several",
    )
    add_recursive_argument(parser)
    parser.add_argument(
        "--scale", type=int, choices=SCALES, default=4, help="how many times (default: 4)"
    )
    add_input(
        parser,
        "--model",
        type=str,
        default="faithful",
        help="faithful (default): nothing invented; perceptual: sharper; or a file",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 … or mps")
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), default="auto", help="of the network"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    add_reading_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    from velatura.images import deep
    from velatura.images.io import check_size, keeps_depth, read, to_deep, to_pil
    from velatura.superres.upscaler import Upscaler

    upscaler = Upscaler(arguments.model, arguments.scale, arguments.device, arguments.precision)

    def make(photograph: Path, output: Path, on_progress: "Callable[[float], None]") -> Made:
        is_deep = keeps_depth(photograph, output)
        if is_deep and not deep.is_installed():
            say(f"{photograph}: 16 bits are read as 8; to keep them: pip install velatura[deep]")
            is_deep = False
        small = read(photograph)
        height, width = small.size
        check_size(output, (height * arguments.scale, width * arguments.scale))
        large = upscaler.enlarge(small, on_progress)
        picture = (to_deep if is_deep else to_pil)(large.pixels, large.alpha)
        return picture, upscaler.settings(photograph.name)

    return make_pictures(make, arguments)
