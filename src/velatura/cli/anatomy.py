"""`velatura anatomy`: a page that shows what each layer sees of a photograph."""

import argparse
from pathlib import Path

from velatura.cli.progress import Progress, say
from velatura.errors import ConfigError, ImageError
from velatura.perception.layers import check_layer

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
    from velatura.anatomy.look import look
    from velatura.anatomy.page import page
    from velatura.images.io import atomic_path, make_folder, read, to_pil, write
    from velatura.images.resize import fit, resize
    from velatura.perception import weights
    from velatura.perception.vgg import VGG19

    layers = [name.strip() for name in arguments.layers.split(",")]
    for name in layers:
        check_layer(name)
    if arguments.size < 32:
        raise ConfigError(f"size: expected at least 32 pixels, got {arguments.size}")
    photograph = read(arguments.content).pixels
    size = (photograph.shape[-2], photograph.shape[-1])
    size = fit(size, min(arguments.size, max(size)))
    if min(size) < 32:
        raise ImageError(f"{arguments.content}: expected at least 32 pixels a side at this size")
    photograph = resize(photograph, size)
    painting = resize(read(arguments.style).pixels, size) if arguments.style else None
    folder: Path = arguments.output
    make_folder(folder)
    network = VGG19(weights.load(), layers)
    looks = []
    for number, name in enumerate(layers, start=1):
        with Progress(arguments.quiet, f"{name} ({number} of {len(layers)})") as progress:
            looks.append(look(network, name, photograph, painting, progress.show))
        for part in ("gram", "reconstruction", "painting_gram", "texture"):
            if picture := getattr(looks[-1], part):
                write(folder / f"{name}-{part.replace('_', '-')}.png", picture)
        for channel, picture in zip(looks[-1].channels, looks[-1].maps, strict=True):
            write(folder / f"{name}-map-{channel}.png", picture)
    images = [to_pil(image) for image in (photograph, painting) if image is not None]
    text = page(
        images[0], images[1] if painting is not None else None, looks, arguments.content.name
    )
    with atomic_path(folder / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
    if not arguments.quiet:
        say(f"{folder / 'index.html'}")
    return 0
