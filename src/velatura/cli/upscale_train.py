"""`velatura upscale train`: learn to enlarge from a folder of photographs."""

import argparse
import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

from velatura.cli import training
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_config_options, given_options
from velatura.cli.outputs import add_output
from velatura.superres.options import UpscaleTrainingOptions

if TYPE_CHECKING:
    import torch

    from velatura.superres.network import UpscaleNetwork


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "-o", "--output", required=True, help="a name in .safetensors")
    training.add_arguments(parser, "a model to begin with, shipped or a file")
    add_config_options(parser, UpscaleTrainingOptions)


def run(arguments: argparse.Namespace) -> int:
    with INTERRUPTIONS:
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from velatura.superres.models import UpscaleModel, load, save
    from velatura.superres.training import blended, train_upscaler
    from velatura.training.photographs import find

    options = UpscaleTrainingOptions(**given_options(arguments, UpscaleTrainingOptions))
    training.check_output(arguments.output)
    photographs = find(arguments.photos)
    arguments.outputs.claims.read(*photographs)
    start = load(arguments.start_from).network if arguments.start_from else None
    began = copy.deepcopy(start)  # the training changes the other
    done = training.follow(
        lambda state, on_error: train_upscaler(photographs, options, start, state, on_error),
        arguments.output,
        {"options": options.as_dict(), "start_from": arguments.start_from},
        lambda network, path: _draw(network, path, photographs),
        arguments,
    )
    card = training.card(done, arguments, options.as_dict())
    network = cast("UpscaleNetwork", done.step.network)
    if began and options.loss == "features":
        network = blended(network, began, options.keep)
    save(arguments.output, UpscaleModel(network, card))
    training.finish(arguments.output, done, arguments.quiet)
    if arguments.json:
        report = {"output": str(arguments.output), **card}
        print(json.dumps({"model": report, "interrupted": done.interrupted}))
    return 130 if done.interrupted else 0


def _draw(network: "torch.nn.Module", path: Path, photographs: list[Path]) -> None:
    """The middle of photographs held out: shrunk, enlarged by bicubic and by the network, as is."""
    from velatura.images.io import to_pil, write
    from velatura.images.sheet import grid
    from velatura.superres.degrade import shrink
    from velatura.superres.network import enlarged

    upscaler = cast("UpscaleNetwork", network)
    scale, side = 4, 192
    device = upscaler.enter.weight.device
    rows = []
    for photograph in training.held_out_pictures(photographs, 4):
        height, width = photograph.shape[-2:]
        if min(height, width) < side:
            continue
        top, left = (height - side) // 2, (width - side) // 2
        sharp = photograph[..., top : top + side, left : left + side].to(device)
        small = shrink(sharp, scale).clamp(0, 1)
        pictures = (enlarged(small, scale), upscaler.upscale(small, scale), sharp)
        rows.append([to_pil(picture) for picture in pictures])
    if rows:
        write(path, grid(rows, [""] * len(rows), ["bicubic", "learnt", "original"]))
