"""`velatura recipes`: named configurations, and what each one teaches."""

import argparse
import json
import textwrap
from typing import Any

from velatura.options import as_text
from velatura.painting.config import StyleConfig
from velatura.painting.recipes import RECIPES, Recipe, recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="show this one; without it, all are listed")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")


def run(arguments: argparse.Namespace) -> int:
    shown = [arguments.name] if arguments.name else list(RECIPES)
    found = {name: recipe(name) for name in shown}
    if arguments.json:
        print(json.dumps({name: _as_dict(entry) for name, entry in found.items()}))
    elif not arguments.name:
        for name, entry in found.items():
            print(f"{name:16} {entry.source}")
    else:
        entry = found[arguments.name]
        for paragraph in (f"{arguments.name}, after {entry.source}.", entry.teaches, entry.chosen):
            print(textwrap.fill(paragraph, 90), end="\n\n")
        usual = StyleConfig().as_dict()
        for option, value in entry.config.as_dict().items():
            if value != usual[option]:
                flag = f"--{option.replace('_', '-')}"
                print(flag if value is True else f"{flag} {as_text(value)}")
        print(f"\nvelatura stylize PHOTO PAINTING -o OUT.png --recipe {arguments.name}")
    return 0


def _as_dict(entry: Recipe) -> dict[str, Any]:
    return {**entry._asdict(), "config": entry.config.as_dict()}
