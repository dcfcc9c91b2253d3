"""`velatura completion`: a script that completes the command line in a shell."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(arguments: argparse.Namespace) -> int:
    import shtab

    from velatura.cli.main import build_parser

    print(shtab.complete(build_parser(), arguments.shell))
    return 0
