"""`velatura anatomy`: a page that shows what each layer sees of a photograph."""

import argparse
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.cli.attempts import Batch
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_reading_arguments
from velatura.cli.outputs import Outputs, add_input, add_output
from velatura.cli.progress import Progress, say
from velatura.files import atomic_path, make_folder
from velatura.perception.layers import channels

if TYPE_CHECKING:
    from PIL import Image

    from velatura.anatomy.look import Look

PAGE = "index.html"
PARTS = ("gram", "reconstruction", "painting_gram", "texture")
LAYERS = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "content", help="the photograph")
    add_output(parser, "-o", "--output", required=True, metavar="DIR", help="a folder")
    add_input(parser, "--style", metavar="PAINTING", help="to compare with")
    parser.add_argument(
        "--layers",
        default=LAYERS,
        help="which to look at, with commas between (default: %(default)s)",
    )
    parser.add_argument("--size", type=int, default=256, help="long side in pixels (default: 256)")
    add_reading_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    from velatura.anatomy.look import look, prepare
    from velatura.anatomy.page import page
    from velatura.images.io import to_pil, write

    layers = [name.strip() for name in arguments.layers.split(",")]
    network, photograph, painting = prepare(
        arguments.content, arguments.style, layers, arguments.size
    )
    folder: Path = arguments.output
    outputs: Outputs = arguments.outputs
    outputs.claims.write(folder / PAGE, *_names(folder, dict.fromkeys(layers)))
    make_folder(folder)
    looks: list[Look] = []
    batch = Batch(layers, "layers")
    with INTERRUPTIONS as interruptions:
        for number, name in enumerate(batch, start=1):
            with batch.attempt(name):
                with Progress(arguments.quiet, f"{name} ({number} of {len(layers)})") as progress:
                    found = look(network, name, photograph, painting, progress.show)
                interruptions.hold()
                looks.append(found)
                for path, picture in _pictures(folder, found):
                    outputs.attempt(path, partial(write, path, picture))
                batch.interrupted = interruptions.came and number < len(layers)
                if not batch.interrupted:
                    interruptions.release()
        interruptions.hold()
        if not looks:
            return batch.end()
        other = None if painting is None else to_pil(painting)
        text = page(to_pil(photograph), other, looks, arguments.content.name)
        with atomic_path(folder / PAGE) as temporary:
            # A name that is no UTF-8 is shown with what can be shown of it.
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    if not arguments.quiet:
        say(f"{folder / PAGE}")
    return batch.end()


def _names(folder: Path, layers: Iterable[str]) -> list[Path]:
    """All files that may be written into `folder` beside the page."""
    parts = [f"{part.replace('_', '-')}.png" for part in PARTS]
    return [
        folder / f"{name}-{part}"
        for name in layers
        for part in (*parts, *(f"map-{channel}.png" for channel in range(channels(name))))
    ]


def _pictures(folder: Path, seen: "Look") -> "Iterator[tuple[Path, Image.Image]]":
    """The pictures of a layer, and where they go."""
    for part in PARTS:
        if picture := getattr(seen, part):
            yield folder / f"{seen.layer}-{part.replace('_', '-')}.png", picture
    for channel, picture in zip(seen.channels, seen.maps, strict=True):
        yield folder / f"{seen.layer}-map-{channel}.png", picture
