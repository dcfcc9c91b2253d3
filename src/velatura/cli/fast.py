"""`velatura fast`: a style in one pass: train, apply, list, export."""

import argparse
import json

from velatura.cli import fast_apply, fast_train
from velatura.cli.outputs import add_input, add_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="fast_command", required=True, metavar="command")
    listing = commands.add_parser("list", help="the styles that come with the package")
    listing.add_argument("--json", action="store_true", help="print a JSON list to stdout")
    listing.set_defaults(run_fast=run_list)
    apply = commands.add_parser("apply", help="paint photographs in a style that is learnt")
    fast_apply.add_arguments(apply)
    apply.set_defaults(run_fast=fast_apply.run)
    train = commands.add_parser("train", help="learn the style of a painting")
    fast_train.add_arguments(train)
    train.set_defaults(run_fast=fast_train.run)
    export = commands.add_parser("export", help="write a style as an ONNX file")
    add_input(export, "style", type=str, help="a name that `velatura fast list` shows, or a file")
    add_output(export, "-o", "--output", required=True, help="a name in .onnx")
    export.add_argument("--quiet", action="store_true", help="say nothing")
    export.set_defaults(run_fast=run_export)


def run(arguments: argparse.Namespace) -> int:
    return int(arguments.run_fast(arguments))


def run_list(arguments: argparse.Namespace) -> int:
    from velatura.fast.styles import shipped
    from velatura.training.modelfile import read_card

    cards = [{"name": name, **read_card(path)} for name, path in shipped().items()]
    if arguments.json:
        print(json.dumps(cards))
        return 0
    for card in cards:
        print(f"{card['name']:26} {card['painting']}")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    from velatura.cli.progress import say
    from velatura.fast.export import export
    from velatura.fast.styles import load

    differences = export(load(arguments.style), arguments.output)
    if not arguments.quiet:
        for (height, width), difference in differences.items():
            say(f"{width}×{height}: differs from PyTorch by at most {difference:.2g}")
    return 0
