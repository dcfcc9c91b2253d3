"""`velatura fast train`: learn the style of a painting."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from velatura.cli import training
from velatura.cli.commission import sha256
from velatura.cli.options import add_config_options, given_options
from velatura.cli.progress import say
from velatura.fast.options import TrainingOptions

if TYPE_CHECKING:
    import torch

    from velatura.fast.network import StyleNetwork


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paintings", type=Path, nargs="+", metavar="painting")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="a name in .safetensors; of several paintings, a folder",
    )
    training.add_arguments(parser, "a style to begin with, shipped or a file")
    add_config_options(parser, options=TrainingOptions)


def run(arguments: argparse.Namespace) -> int:
    from velatura.images.io import check_writable, make_folder
    from velatura.training.photographs import find

    options = TrainingOptions(**given_options(arguments, TrainingOptions))
    several = len(arguments.paintings) > 1
    if several:
        make_folder(arguments.output)
    else:
        training.check_output(arguments.output)
    if arguments.sheet:
        check_writable(arguments.sheet)
    photographs = find(arguments.photos)
    reports: list[dict[str, Any]] = []
    interrupted = False
    for painting in arguments.paintings:
        output = arguments.output / f"{painting.stem}.safetensors" if several else arguments.output
        report, interrupted = _train(painting, output, photographs, options, arguments)
        reports.append(report)
        if interrupted:
            break
    if arguments.json:
        print(json.dumps({"styles": reports, "interrupted": interrupted}))
    return 130 if interrupted else 0


def _train(
    painting: Path,
    output: Path,
    photographs: list[Path],
    options: TrainingOptions,
    arguments: argparse.Namespace,
) -> tuple[dict[str, Any], bool]:
    """Train one style and write it; return its card, and whether it was interrupted."""
    from velatura.fast.styles import Style, load, save
    from velatura.fast.training import train_style
    from velatura.images.io import read

    image = read(painting).pixels
    start = load(arguments.start_from).network if arguments.start_from else None
    about = {
        "options": options.as_dict(),
        "painting": sha256(painting),
        "start_from": arguments.start_from,
    }
    done = training.follow(
        lambda state: train_style(image, photographs, options, start, state, say),
        output,
        about,
        lambda network, path: _draw(network, path, photographs, options.size),
        arguments,
    )
    card = {
        "painting": painting.stem,
        "sha256": about["painting"],
        **training.card(done, arguments, options.as_dict()),
    }
    save(output, Style(cast("StyleNetwork", done.step.network), card))
    training.finish(output, done, arguments.quiet)
    return {"output": str(output), **card}, done.interrupted


def _draw(network: "torch.nn.Module", path: Path, photographs: list[Path], size: int) -> None:
    """Some of the photographs held out, and what the network makes of them."""
    from velatura.images.io import to_pil, write
    from velatura.images.resize import fit, resize
    from velatura.images.sheet import grid

    style = cast("StyleNetwork", network)
    rows = []
    for photograph in training.held_out_pictures(photographs, 3):
        own = (photograph.shape[-2], photograph.shape[-1])
        photograph = resize(photograph, fit(own, min(size, max(own))))
        rows.append([to_pil(photograph), to_pil(style.paint(photograph.to(style.palette_mean)))])
    if rows:
        write(path, grid(rows, [""] * len(rows), ["", ""]))
