"""The entry point: parses, runs a command, turns errors into one line and an exit code.

Exit codes: 0 done, 2 bad input or failure with a message, 130 interrupted.
"""

import argparse
import importlib
import io
import os
import re
import shlex
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from velatura import __version__
from velatura.cli.interruptions import KEEPING
from velatura.cli.outputs import outputs_of
from velatura.cli.progress import say
from velatura.errors import VelaturaError, in_one_line, is_out_of_memory

COMMANDS = (
    "stylize",
    "sheet",
    "texture",
    "reconstruct",
    "resume",
    "fast",
    "upscale",
    "upscale train",
    "upscale export",
    "anatomy",
    "studio",
    "style-report",
    "duplicates",
    "similar",
    "recipes",
    "demo",
    "show-settings",
    "doctor",
    "completion",
)
"""Each in a module of its name, which is imported when it is asked for."""


def named(given: Sequence[str]) -> str:
    """The command that these words begin with, of two words or one; empty if there is none."""
    return next((n for n in (" ".join(given[:2]), *given[:1]) if n in COMMANDS), "")


class Parser(argparse.ArgumentParser):
    """Complains in one line, and knows commands of two words."""

    def parse_args(  # type: ignore[override]  # argparse has overloads for namespaces of one's own
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Parse, `upscale train` as one word: a command that takes files has no commands."""
        given = sys.argv[1:] if args is None else list(args)
        if name := named(given):
            given[: len(name.split())] = [name]
        return super().parse_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line, or the part of it that some commands need."""
    parser = Parser(prog="velatura", description="Neural style transfer.")
    parser.add_argument("--version", action="version", version=f"velatura {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name in commands:
        module = _module(name)
        summary = (module.__doc__ or "").split(": ", 1)[1].split("\n")[0]
        module.add_arguments(
            subparsers.add_parser(name, help=summary, description=summary.capitalize())
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal without × must not stop us
                stream.reconfigure(errors="backslashreplace")
        given = sys.argv[1:] if argv is None else argv
        name = named(given)
        arguments = build_parser([name] if name else COMMANDS).parse_args(argv)
        arguments.command_line = shlex.join(["velatura", *given])  # what a model is told of itself
        with KEEPING.installed(), outputs_of(arguments) as outputs:
            code: int = _module(arguments.command).run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code or (2 if outputs.failed else 0)
    except VelaturaError as error:
        say(f"velatura: {error}")
        return 2
    except KeyboardInterrupt:
        say("velatura: interrupted, nothing was written")
        return 130
    except BrokenPipeError:
        # The reader of our output left; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        say(f"velatura: {'' if error.filename else 'output: '}{in_one_line(error)}")
        return 2
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        say(f"velatura: {in_one_line(error)}")
        return 2


def _module(command: str) -> Any:
    return importlib.import_module(f"velatura.cli.{re.sub('[ -]', '_', command)}")
