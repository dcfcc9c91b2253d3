"""`velatura completion`: a script that completes the command line in a shell."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(arguments: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(arguments.parser, arguments.shell))
    return 0
