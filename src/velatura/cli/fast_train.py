"""`velatura fast train`: learn the style of a painting."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from velatura.cli import training
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_config_options, given_options
from velatura.cli.outputs import add_input, add_output
from velatura.errors import ConfigError
from velatura.fast.options import TrainingOptions
from velatura.files import make_folder

if TYPE_CHECKING:
    import torch

    from velatura.fast.network import StyleNetwork


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "paintings", nargs="+", metavar="painting")
    add_output(
        parser,
        *("-o", "--output"),
        required=True,
        help="a name in .safetensors; of several paintings, a folder",
    )
    training.add_arguments(parser, "a style to begin with, shipped or a file")
    add_config_options(parser, TrainingOptions)


def run(arguments: argparse.Namespace) -> int:
    with INTERRUPTIONS:
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from velatura.fast.styles import REGISTRY, Style, load, save
    from velatura.fast.training import train_styles, weight_name
    from velatura.images.io import read
    from velatura.session.job import sha256
    from velatura.training.photographs import find

    options = TrainingOptions(**given_options(arguments, TrainingOptions))
    outputs = _outputs(arguments)
    for output in outputs.values():
        training.check_output(output)
    photographs = find(arguments.photos)
    claims = arguments.outputs.claims
    claims.read(*photographs)
    if len(outputs) > 1:
        claims.write(*outputs.values())
    side = round(4 * options.size * options.stroke_size)  # more than the longest needs
    paintings = [read(path, side) for path in arguments.paintings]
    start = load(arguments.start_from).network if arguments.start_from else None
    checksums = [sha256(path) for path in arguments.paintings]
    about = {
        "architecture": REGISTRY.architecture,
        "options": options.as_dict(),
        "paintings": checksums,
        "start_from": sha256(REGISTRY.find(arguments.start_from)) if arguments.start_from else None,
    }
    whole = arguments.output / "styles" if len(outputs) > 1 else arguments.output
    done = training.follow(
        lambda state, on_error: train_styles(
            paintings, photographs, options, start, state, on_error
        ),
        whole,
        about,
        lambda networks, path: _draw(_each(networks), path, photographs, options.size),
        arguments,
    )
    reports: list[dict[str, Any]] = []
    networks = _each(done.step.network)
    for number, ((name, output), network) in enumerate(zip(outputs.items(), networks, strict=True)):
        card = {
            "painting": name,
            "sha256": checksums[number],
            **training.card(done, arguments, options.as_dict()),
            "content_weight": round(done.step.sought[weight_name(number + 1)], 4),
        }
        if len(outputs) > 1:
            del card["losses"]  # of one painting's turn
            card["steps"] //= len(outputs)
            card["held_out"] = {n // len(outputs): mean for n, mean in done.held_out.items()}
            card["trained_with"] = [other for other in outputs if other != name]
        save(output, Style(network, card))
        reports.append({"output": str(output), **card})
    training.finish(whole, done, arguments.quiet)
    if arguments.json:
        print(json.dumps({"styles": reports, "interrupted": done.interrupted}))
    return 130 if done.interrupted else 0


def _outputs(arguments: argparse.Namespace) -> dict[str, Path]:
    """The file of each painting's style, by the painting's name; its folder is made.

    Raises ConfigError or FileError.
    """
    if len(arguments.paintings) == 1:
        return {arguments.paintings[0].stem: arguments.output}
    names = [path.stem for path in arguments.paintings]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"paintings: expected different names, got {twice} twice")
    make_folder(arguments.output)
    return {name: arguments.output / f"{name}.safetensors" for name in names}


def _each(networks: "torch.nn.Module") -> "list[StyleNetwork]":
    return cast("list[StyleNetwork]", [*cast("torch.nn.ModuleList", networks)])


def _draw(
    networks: "Sequence[StyleNetwork]", path: Path, photographs: list[Path], size: int
) -> None:
    """Some of the photographs held out, and what the networks make of them."""
    from velatura.images.io import to_pil, write
    from velatura.images.resize import fit, resize
    from velatura.images.sheet import grid

    rows = []
    for photograph in training.held_out_pictures(photographs, 3):
        own = (photograph.shape[-2], photograph.shape[-1])
        photograph = resize(photograph, fit(own, min(size, max(own))))
        painted = [network.paint(photograph.to(network.palette_mean)) for network in networks]
        rows.append([to_pil(photograph), *map(to_pil, painted)])
    if rows:
        write(path, grid(rows, [""] * len(rows), [""] * len(rows[0])))
