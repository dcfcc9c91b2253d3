"""`velatura fast apply`: paint photographs in a style that is learnt."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from velatura.cli.folders import photographs, work_on_all
from velatura.cli.progress import Progress
from velatura.errors import ConfigError, ImageError

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

    def paint(photograph: Path, output: Path) -> tuple[dict[str, Any], bool]:
        from velatura.images.io import check_writable, write

        check_writable(output)
        if output.exists() and photograph.exists() and output.samefile(photograph):
            raise ImageError(f"{output}: would be painted over, it is the photograph")
        began = time.monotonic()
        with Progress(arguments.quiet, photograph.name) as progress:
            image = painter.paint(
                photograph,
                arguments.size,
                lambda done: progress.at(done, 1, time.monotonic() - began, ""),
            )
        seconds = time.monotonic() - began
        settings = {"style": arguments.style, "strength": arguments.strength}
        write(output, image, settings | {"colors": arguments.colors, "fast": painter.card})
        progress.say(f"{output}: {image.width}×{image.height}, {seconds:.1f} s")
        return {
            "output": str(output),
            "content": str(photograph),
            "width": image.width,
            "height": image.height,
            "seconds": round(seconds, 3),
        }, False

    several = photographs(arguments.photos)
    if several is not None:
        return work_on_all(several, paint, arguments)
    report, _ = paint(arguments.photos[0], arguments.output)
    if arguments.json:
        print(json.dumps(report))
    return 0
