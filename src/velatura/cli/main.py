"""The entry point: parses, runs a command, turns errors into one line and an exit code.

Exit codes: 0 done, 2 bad input or failure with a message, 130 interrupted.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from velatura import __version__
from velatura.cli import completion, demo, doctor, resume, show_settings, stylize
from velatura.errors import VelaturaError

COMMANDS = {
    "stylize": stylize,
    "resume": resume,
    "demo": demo,
    "show-settings": show_settings,
    "doctor": doctor,
    "completion": completion,
}


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(prog="velatura", description="Neural style transfer.")
    parser.add_argument("--version", action="version", version=f"velatura {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").split(": ", 1)[1].split("\n")[0]
        module.add_arguments(
            subparsers.add_parser(name, help=summary, description=summary.capitalize())
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = COMMANDS[arguments.command].run(arguments)
        return code
    except VelaturaError as error:
        print(f"velatura: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("velatura: interrupted before there was anything to keep", file=sys.stderr)
        return 130


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Treat a polite kill as Ctrl-C, so that what is painted is kept."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
