"""`velatura updates`: what the learned optimizer paints with."""

import argparse

from velatura.cli import updates_train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="updates_command", required=True, metavar="command")
    summary = "learn updates from photographs and paintings"
    updates_train.add_arguments(
        commands.add_parser("train", help=summary, description=summary.capitalize())
    )


def run(arguments: argparse.Namespace) -> int:
    return updates_train.run(arguments)
