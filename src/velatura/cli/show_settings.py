"""`velatura show-settings`: the settings stored in a picture, as JSON."""

import argparse
import json

from velatura.cli.outputs import add_input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "picture", help="a picture that Velatura made")


def run(arguments: argparse.Namespace) -> int:
    from velatura.images.io import read_settings

    print(json.dumps(read_settings(arguments.picture), indent=2))
    return 0
