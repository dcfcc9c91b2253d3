"""`velatura anatomy`: a page that shows what each layer sees of a photograph."""

import argparse
from pathlib import Path

from velatura.cli.options import add_reading_arguments
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
    add_reading_arguments(parser)
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
    interrupted = False
    for number, name in enumerate(layers, start=1):
        try:
            with Progress(arguments.quiet, f"{name} ({number} of {len(layers)})") as progress:
                looks.append(look(network, name, photograph, painting, progress.show))
        except KeyboardInterrupt:
            if not looks:
                raise
            interrupted = True
            break
        for part in ("gram", "reconstruction", "painting_gram", "texture"):
            if picture := getattr(looks[-1], part):
                write(folder / f"{name}-{part.replace('_', '-')}.png", picture)
        for channel, picture in zip(looks[-1].channels, looks[-1].maps, strict=True):
            write(folder / f"{name}-map-{channel}.png", picture)
    other = None if painting is None else to_pil(painting)
    text = page(to_pil(photograph), other, looks, arguments.content.name)
    with atomic_path(folder / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
    if interrupted:
        say(f"interrupted after {len(looks)} of {len(layers)} layers")
    if not arguments.quiet:
        say(f"{folder / 'index.html'}")
    return 130 if interrupted else 0
