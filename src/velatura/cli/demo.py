"""`velatura demo`: paint the shipped sample."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from velatura.cli.outputs import Outputs, add_output
from velatura.cli.painting import paint
from velatura.cli.progress import tell
from velatura.painting.config import StyleConfig
from velatura.samples import sample
from velatura.session.job import Job

NEXT = (
    "samples                                   # photograph.jpg, brush.jpg, collage.jpg",
    "stylize photograph.jpg collage.jpg -o out.png --effort quick",
    "stylize YOUR-PHOTO.jpg brush.jpg -o mine.png",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "-o", "--output", default=Path("velatura-demo.png"), help="where to write")
    parser.add_argument(
        "--style",
        choices=("brush", "collage"),
        default="brush",
        help="which sample painting (default: brush)",
    )
    parser.add_argument("--size", type=int, default=512, help="long side in pixels (default: 512)")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    from PIL import Image

    from velatura.images.io import write
    from velatura.images.sheet import side_by_side

    content, style = sample("photograph.jpg"), sample(f"{arguments.style}.jpg")
    output: Path = arguments.output
    job = Job(content, [style], StyleConfig(size=arguments.size), output)
    sheet = output.with_name(f"{output.stem}-sheet{output.suffix}")
    outputs: Outputs = arguments.outputs
    outputs.claims.read(content, style)
    outputs.claims.write(sheet)
    report, interrupted = paint(job, outputs, quiet=arguments.quiet)
    output = Path(report.get("output", output))
    images = [Image.open(path).convert("RGB") for path in (content, style, output)]
    outputs.attempt(sheet, lambda: write(sheet, side_by_side(images)))
    report["sheet"] = str(sheet)
    if arguments.json:
        print(json.dumps(report))
    else:
        tell(f"picture:      {output.resolve()}")
        tell(f"side by side: {sheet.resolve()}")
        program = "velatura" if shutil.which("velatura") else sys.argv[0]
        tell("next:")
        for line in NEXT:
            tell(f"  {program} {line}")
    return 130 if interrupted else 0
