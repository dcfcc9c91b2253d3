"""`velatura similar`: the pictures of an index that are most like a photograph."""

import argparse
import json

from velatura.cli.outputs import add_input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "photo", help="to find others like it")
    add_input(
        parser,
        "--index",
        required=True,
        metavar="FILE",
        help="that velatura duplicates --index wrote",
    )
    parser.add_argument(
        "--by",
        choices=("content", "style"),
        default="content",
        help="what is compared: what is where in the picture, or its texture and colours "
        "(default: %(default)s)",
    )
    parser.add_argument("--count", type=int, default=10, help="how many (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1 … or mps (default: auto)"
    )


def run(arguments: argparse.Namespace) -> int:
    from velatura.duplicates.find import find_similar

    found = find_similar(
        arguments.photo,
        arguments.index,
        by=arguments.by,
        count=arguments.count,
        device=arguments.device,
    )
    if arguments.json:
        images = [{"path": path, "similarity": similarity} for path, similarity in found]
        print(json.dumps({"photo": str(arguments.photo), "by": arguments.by, "images": images}))
        return 0
    for path, similarity in found:
        print(f"{similarity:6.3f}  {path}")
    return 0
