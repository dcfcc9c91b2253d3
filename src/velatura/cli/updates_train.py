"""`velatura updates train`: learn the updates that `--optimizer learned` makes."""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from velatura.cli import training
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_config_options, given_options
from velatura.cli.outputs import add_input, add_output
from velatura.painting.learned_options import UpdateTrainingOptions

if TYPE_CHECKING:
    from velatura.painting.learned import UpdateNetwork


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "-o", "--output", required=True, help="a name in .safetensors")
    add_input(
        parser,
        "--paintings",
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of paintings to train on; a tenth of them is kept to judge by",
    )
    training.add_arguments(parser, "updates to begin with, shipped or a file")
    add_config_options(parser, UpdateTrainingOptions)


def run(arguments: argparse.Namespace) -> int:
    with INTERRUPTIONS:
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from velatura.painting.learned_models import UpdateModel, load, save
    from velatura.painting.learned_training import train_updates
    from velatura.training.photographs import find

    options = UpdateTrainingOptions(**given_options(arguments, UpdateTrainingOptions))
    training.check_output(arguments.output)
    photographs, paintings = find(arguments.photos), find(arguments.paintings)
    arguments.outputs.claims.read(*photographs, *paintings)
    start = load(arguments.start_from).network if arguments.start_from else None

    done = training.follow(
        lambda state, on_error: train_updates(
            photographs, paintings, options, start, state, on_error
        ),
        arguments.output,
        {"options": options.as_dict(), "start_from": arguments.start_from},
        lambda network, path: _draw(cast("UpdateNetwork", network), path, photographs, paintings),
        arguments,
    )
    card = {
        **training.card(done, arguments, options.as_dict()),
        "paintings": [path.name for path in paintings],
        "curve": {name: round(value, 4) for name, value in done.step.sought.items()},
    }
    save(arguments.output, UpdateModel(cast("UpdateNetwork", done.step.network), card))
    training.finish(arguments.output, done, arguments.quiet)
    if arguments.json:
        report = {"output": str(arguments.output), **card}
        print(json.dumps({"model": report, "interrupted": done.interrupted}))
    return 130 if done.interrupted else 0


def _draw(
    network: "UpdateNetwork", path: Path, photographs: list[Path], paintings: list[Path]
) -> None:
    """Some of the photographs held out after paintings held out, in a few looks."""
    from velatura.images.io import to_pil, write
    from velatura.images.sheet import grid
    from velatura.painting.config import StyleConfig
    from velatura.painting.engine import transfer
    from velatura.painting.learned_models import UpdateModel, save

    rows = []
    with TemporaryDirectory() as folder:
        file = Path(folder) / "updates.safetensors"
        save(file, UpdateModel(network, {}))
        config = StyleConfig(size=256, steps=(6, 4), optimizer="learned", updates=str(file))
        for photograph, painting in zip(
            training.held_out_pictures(photographs, 3),
            training.held_out_pictures(paintings, 3),
            strict=False,
        ):
            *_, step = transfer(photograph, painting, config)
            rows.append([to_pil(picture) for picture in (photograph, painting, step.image)])
    if rows:
        write(path, grid(rows, [""] * len(rows), [""] * 3))
