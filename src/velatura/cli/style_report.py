"""`velatura style-report`: what a style loss can hold of a painting, and what to do about it."""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.attempts import Batch
from velatura.cli.folders import Photograph, check_replaceable, output_names
from velatura.cli.options import add_reading_arguments
from velatura.cli.outputs import Outputs, add_input, add_output
from velatura.cli.progress import Progress, tell
from velatura.errors import ImageError
from velatura.files import make_folder

if TYPE_CHECKING:
    from velatura.anatomy.suitability import Suitability

# Seven of the eight of 31 paintings above HARSH left more style behind than the median
# (docs/which-paintings-work.md, set on these). FAINT and GREY are set by eye.
HARSH, FAINT, GREY = 0.2, 0.15, 0.02


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "paintings", nargs="+", metavar="painting")
    add_output(
        parser, "-o", "--output", metavar="DIR", help="write pictures there: painting, texture"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    add_reading_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    from velatura.anatomy.suitability import HELD_OUT_LAYERS, SIZE, STYLE_LAYERS, measure
    from velatura.images.io import read, to_pil, write
    from velatura.images.resize import resize
    from velatura.images.sheet import side_by_side
    from velatura.perception import weights
    from velatura.perception.vgg import VGG19

    outputs: Outputs = arguments.outputs
    folder: Path | None = arguments.output
    if folder:
        make_folder(folder)
    network = VGG19(weights.load(), [*STYLE_LAYERS, *HELD_OUT_LAYERS], padding="replicate")
    report: dict[str, Any] = {}
    paintings = [Photograph(path) for path in dict.fromkeys(arguments.paintings)]
    names = dict(zip(paintings, output_names(paintings), strict=True))
    batch = Batch(paintings, "paintings")
    for number, one in enumerate(batch, start=1):
        with batch.attempt(one):
            path = one.path
            place = (folder or Path()) / names[one]
            if folder:
                outputs.claims.write(place)
                check_replaceable(place, path)
            painting = read(path, 4 * SIZE).pixels
            if min(painting.shape[-2:]) < 64:
                raise ImageError(f"{path}: expected a painting of at least 64 pixels a side")
            title = f"{path} ({number} of {len(paintings)})"
            with Progress(arguments.quiet, title) as progress:
                found = measure(network, painting, progress.show)
            report[str(path)] = _as_dict(found)
            if folder:
                size = (found.texture.shape[-2], found.texture.shape[-1])
                images = (resize(painting, size), found.texture, found.surrogate)
                sheet = side_by_side([to_pil(image) for image in images])
                settings = {"content": path.name, "style-report": report[str(path)]}
                outputs.attempt(place, partial(write, place, sheet, settings))
    if arguments.json:
        errors = {path: {"error": why} for path, why in batch.failures.items()}
        print(json.dumps(report | errors))
    else:
        _tell(report)
    return batch.end()


def _tell(report: dict[str, Any]) -> None:
    for name, entry in report.items():
        tell(name)
        print(f"  variety      {entry['variety']:.1f}")
        for key in ("unevenness", "kept", "chroma", "lightness"):
            print(f"  {key:12} {entry[key]:.3f}")
        levels = ", ".join(f"{layer} {value:.2f}" for layer, value in entry["structure"].items())
        print(f"  structure    {levels}")
        print(f"  {entry['verdict']}")
        if entry["suggestion"]:
            print(f"  try: {entry['suggestion']}")


def _as_dict(found: "Suitability") -> dict[str, Any]:
    verdict, suggestion = judge(found)
    return {
        "variety": found.variety,
        "unevenness": found.unevenness,
        "structure": found.structure,
        "scale": found.scale,
        "kept": found.kept,
        "chroma": found.chroma,
        "lightness": found.lightness,
        "verdict": verdict,
        "suggestion": suggestion,
    }


def judge(found: "Suitability") -> tuple[str, str]:
    """A verdict in words, and options to try."""
    if max(found.structure.values()) < FAINT:
        return "little texture beyond its colours: only its palette will come over", ""
    if found.chroma < GREY:
        return (
            "nearly grey, and so will the picture be",
            "--colors content-luminance keeps the photograph's colours",
        )
    if found.lightness > HARSH:
        return (
            "strong light and dark: more of the style than usual will be missing",
            "--strength 0.65",
        )
    return "nothing that was measured speaks against it", ""
