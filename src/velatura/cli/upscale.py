"""`velatura upscale`: larger pictures: apply, train, export."""

import argparse

from velatura.cli import upscale_apply, upscale_export, upscale_train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="upscale_command", required=True, metavar="command")
    for name, module, summary in (
        ("apply", upscale_apply, "enlarge photographs; meant where no command is named"),
        ("train", upscale_train, "learn to enlarge from a folder of photographs"),
        ("export", upscale_export, "write an upscaling model as an ONNX file"),
    ):
        command = commands.add_parser(name, help=summary, description=summary.capitalize())
        module.add_arguments(command)
        command.set_defaults(run_upscale=module.run)


def run(arguments: argparse.Namespace) -> int:
    return int(arguments.run_upscale(arguments))
