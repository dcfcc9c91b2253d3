"""`velatura anatomy`: a page that shows what each layer sees of a photograph."""

import argparse
from pathlib import Path

from velatura.cli.batch import Batch
from velatura.cli.progress import Progress, say

LAYERS = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="a folder")
    parser.add_argument("--style", type=Path, metavar="PAINTING", help="to compare with")
    parser.add_argument(
        "--layers",
        default=LAYERS,
        help="which to look at, with commas between (default: %(default)s)",
    )
    parser.add_argument("--size", type=int, default=256, help="long side in pixels (default: 256)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    from velatura.anatomy.look import Look, look, prepare
    from velatura.anatomy.page import page
    from velatura.images.io import atomic_path, make_folder, to_pil, write

    layers = [name.strip() for name in arguments.layers.split(",")]
    network, photograph, painting = prepare(
        arguments.content, arguments.style, layers, arguments.size
    )
    folder: Path = arguments.output
    make_folder(folder)
    looks: list[Look] = []
    batch = Batch(layers, "layers")
    for number, name in enumerate(batch, start=1):
        with batch.attempt(name):
            with Progress(arguments.quiet, f"{name} ({number} of {len(layers)})") as progress:
                found = look(network, name, photograph, painting, progress.show)
            for part in ("gram", "reconstruction", "painting_gram", "texture"):
                if picture := getattr(found, part):
                    write(folder / f"{name}-{part.replace('_', '-')}.png", picture)
            for channel, picture in zip(found.channels, found.maps, strict=True):
                write(folder / f"{name}-map-{channel}.png", picture)
            looks.append(found)
    if not looks:
        return batch.end()
    other = None if painting is None else to_pil(painting)
    text = page(to_pil(photograph), other, looks, arguments.content.name)
    with atomic_path(folder / "index.html") as temporary:
        # A name that is no UTF-8 is shown with what can be shown of it.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    if not arguments.quiet:
        say(f"{folder / 'index.html'}")
    return batch.end()
