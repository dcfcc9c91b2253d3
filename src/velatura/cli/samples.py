"""`velatura samples`: the shipped pictures, to try things with."""

import argparse
from pathlib import Path

from velatura.cli.outputs import add_output
from velatura.samples import PAINTINGS, PHOTOGRAPHS, sample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "folder", nargs="?", default=Path(), help="default: this one")


def run(arguments: argparse.Namespace) -> int:
    from velatura.errors import FileError
    from velatura.files import atomic_path, make_folder

    folder: Path = arguments.folder
    make_folder(folder)
    contents = {name: sample(name).read_bytes() for name in (*PHOTOGRAPHS, *PAINTINGS)}
    for name, content in contents.items():
        path = folder / name
        if path.exists() and not (path.is_file() and path.read_bytes() == content):
            raise FileError(f"{path}: expected a free name, there is another file; name a folder")
    for name, content in contents.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
        print(folder / name)
    return 0
