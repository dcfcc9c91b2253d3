"""`velatura studio`: a web page to paint in and to watch."""

import argparse
import threading
from pathlib import Path

from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.outputs import add_output
from velatura.cli.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve at (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port (default: %(default)s)")
    add_output(
        parser,
        "--folder",
        default=Path("velatura-studio"),
        metavar="DIR",
        help="where pictures are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--at-once", type=int, default=1, metavar="N", help="paintings at a time (default: 1)"
    )
    parser.add_argument(
        "--allow-origin",
        nargs="+",
        default=[],
        metavar="ADDRESS",
        help="pages there may show the studio in a frame and use it, as https://huggingface.co "
        "(default: none may)",
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> int:
    from velatura.studio.app import serving

    host, port = arguments.host, arguments.port
    at_once, origins = arguments.at_once, arguments.allow_origin
    served = serving(arguments.folder, host, port, at_once, arguments.open, origins)
    with INTERRUPTIONS, served as studio:
        address, folder = studio
        for lost in folder.lost:
            say(f"lost when the studio was ended last: {lost}")
        say(f"the studio is at {address}, its pictures in {folder.path}; Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("ending; what is painted so far is kept")
    return 0
