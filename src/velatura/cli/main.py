"""The entry point: parses, runs a command, turns errors into one line and an exit code.

Exit codes: 0 done, 2 bad input or failure with a message, 130 interrupted.
"""

import argparse
import difflib
import importlib
import io
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from velatura import __version__
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.outputs import outputs_of
from velatura.cli.progress import say
from velatura.errors import VelaturaError, in_one_line, is_out_of_memory
from velatura.untrusted import printable

COMMANDS = {
    "stylize": "paint a photograph, or a folder of them, in the style of a painting.",
    "video": "paint a film in the style of a painting, steadily, with its sound.",
    "sheet": "several styles, and several values of an option, beside each other.",
    "texture": "a new texture of any size from a painting, its style alone, out of noise.",
    "reconstruct": "what a layer still knows of a photograph, painted from noise.",
    "batch": "one job over many pictures, on this machine or on a cluster.",
    "resume": "go on with a painting that was stopped or killed.",
    "fast": "a style in one pass: train, apply, list, export.",
    "upscale": "larger pictures: apply, train, export.",
    "updates": "what the learned optimizer paints with: train.",
    "anatomy": "a page that shows what each layer sees of a photograph.",
    "studio": "a web page to paint in and to watch.",
    "style-report": "what a style loss can hold of a painting, and what to do about it.",
    "duplicates": "finds pictures that are the same picture, whatever was done to them.",
    "similar": "the pictures of an index that are most like a photograph.",
    "recipes": "named configurations, and what each one teaches.",
    "demo": "paint the shipped sample.",
    "samples": "the shipped pictures, written into a folder.",
    "show-settings": "the settings stored in a picture, as JSON.",
    "doctor": "what Velatura finds on this machine.",
    "completion": "a script that completes the command line in a shell.",
}
"""What each does. It is in a module of its name, which is imported when it is asked for."""


SUBCOMMANDS = {"upscale": ("apply", "train", "export")}
"""Of commands that had none before: the first is meant where none is named."""


class Parser(argparse.ArgumentParser):
    """Complains in one line, and knows what `velatura upscale PHOTO` means."""

    def parse_args(  # type: ignore[override]  # argparse has overloads for namespaces of one's own
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Parse; a command's first subcommand is put in where one was left out."""
        given = sys.argv[1:] if args is None else list(args)
        known = SUBCOMMANDS.get(given[0], ()) if given else ()
        if known and given[1:2] and given[1] not in (*known, "-h", "--help"):
            given.insert(1, known[0])
        return super().parse_args(given, namespace)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; what is almost an option is told at once, by the command that has it."""
        found, unknown = super().parse_known_args(args, namespace)
        for name in (argument.split("=")[0] for argument in unknown):
            near = difflib.get_close_matches(name, self._option_string_actions, 1)
            if name.startswith("--") and near:
                self.error(f"unrecognized arguments: {name}; did you mean {near[0]}?")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with exit code 2."""
        if wrong := re.search(r"(.*invalid choice: '([^']*)') \(choose from (.*)\)", message):
            choices = [choice.strip("' ") for choice in wrong[3].split(",")]
            if near := difflib.get_close_matches(wrong[2], choices, 1):
                message = f"{wrong[1]}; did you mean {near[0]}?"
        self.exit(2, f"{printable(f'{self.prog}: {message}; see {self.prog} --help')}\n")


def build_parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line, or the part of it that some commands need."""
    parser = Parser(prog="velatura", description="Neural style transfer.")
    parser.add_argument("--version", action="version", version=f"velatura {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name in commands:
        summary = COMMANDS[name]
        _module(name).add_arguments(
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
        named = [name for name in given[:1] if name in COMMANDS]
        arguments = build_parser(named or COMMANDS).parse_args(argv)
        arguments.command_line = shlex.join(["velatura", *given])  # what a model is told of itself
        if most := getattr(arguments, "max_pixels", None):
            from velatura.images.opening import limit_pixels

            limit_pixels(most)
        with INTERRUPTIONS.installed(), outputs_of(arguments) as outputs:
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
