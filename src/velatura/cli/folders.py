"""Commands over one photograph or many: which they are, where each goes, what failed."""

import argparse
import glob
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from velatura.cli.attempts import Batch
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.outputs import Outputs, shown
from velatura.cli.progress import Progress, say
from velatura.errors import ImageError
from velatura.files import make_folder

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

Work = Callable[[Path, Path], tuple[dict[str, Any], bool]]
"""Makes the second path from the first; returns a report, and whether it was interrupted."""
Made: TypeAlias = "tuple[Image.Image | np.ndarray[Any, Any], dict[str, Any]]"
"""A picture, and the settings to be kept in its file."""
NAMED = 3  # of files that are left out, the most that are named


class Photograph(NamedTuple):
    """A photograph, and the subfolder of the output that its picture goes to."""

    path: Path
    folder: PurePath = PurePath()

    def __str__(self) -> str:
        return str(self.path)


def add_recursive_argument(parser: argparse.ArgumentParser) -> None:
    """`--recursive`, for a command that takes folders."""
    parser.add_argument(
        "--recursive",
        action="store_true",
        help="of folders take the subfolders too, and make the same ones in the output",
    )


def make_pictures(
    make: Callable[[Path, Path, Callable[[float], None]], Made], arguments: argparse.Namespace
) -> int:
    """From each of `arguments.photos` make a picture in one go; return the exit code.

    `make` is given the photograph, where the picture will go, and whom to tell the share done.
    """

    def work(photograph: Path, output: Path) -> tuple[dict[str, Any], bool]:
        from velatura.images.io import check_writable, write

        check_writable(output)
        began = time.monotonic()
        with INTERRUPTIONS as interruptions, Progress(arguments.quiet, photograph.name) as progress:
            picture, settings = make(
                photograph,
                output,
                lambda done: progress.at(done, 1, time.monotonic() - began, ""),
            )
            interruptions.hold()
            written = outputs.keep(output, lambda path: write(path, picture, settings))
            seconds = time.monotonic() - began
            height, width = picture.shape[:2] if hasattr(picture, "shape") else picture.size[::-1]
            # Signals are still held: what is written is counted, whenever they come.
            progress.say(f"{shown(written)}: {width}×{height}, {seconds:.1f} s")
            report = {"output": str(written), "content": str(photograph), "width": width}
            report |= {"height": height, "seconds": round(seconds, 3)}
            return report, interruptions.came

    outputs: Outputs = arguments.outputs
    if not is_one(arguments.photos):
        return work_on_all(photographs(arguments.photos, arguments), work, arguments)
    report, interrupted = work(arguments.photos[0], arguments.output)
    if arguments.json:
        print(json.dumps(report))
    return 130 if interrupted else 0


def is_one(given: Sequence[Path]) -> bool:
    """Whether one file is named, and no folder or pattern."""
    return len(given) == 1 and not given[0].is_dir() and not _is_pattern(given[0])


def photographs(given: Sequence[Path], arguments: argparse.Namespace) -> list[Photograph]:
    """All photographs that files, folders and patterns name, each once.

    Files that are no pictures are left out and named, and so is what Velatura has made in
    `arguments.output` before. Raises ImageError where a folder or pattern has no pictures.
    """
    from velatura.images.finding import is_picture, pictures

    output = os.path.realpath(arguments.output)
    found: dict[str, Photograph] = {}
    others: list[Path] = []
    made: list[Path] = []
    for place in given:
        if place.is_dir():
            inside, rest = pictures(place, arguments.recursive)
        elif _is_pattern(place):
            # Path.glob takes no absolute patterns.
            names = map(Path, sorted(glob.glob(str(place), recursive=True)))  # noqa: PTH207
            files = [path for path in names if not path.is_dir()]
            inside = [path for path in files if is_picture(path)]
            rest = sorted(set(files) - set(inside))
        else:
            inside, rest = [place], []
        if not inside:
            raise ImageError(f"{place}: expected photographs, found none")
        others += rest
        for path in inside:
            if path != place and _is_in(path, output) and _content(path) is not None:
                made.append(path)
                continue
            below = path.parent.relative_to(place) if place.is_dir() else PurePath()
            same = os.path.abspath(path)  # noqa: PTH100  links stay what they are
            found.setdefault(same, Photograph(path, below))
    for paths, why in ((others, "no pictures"), (made, "made by Velatura")):
        if paths and not arguments.quiet:
            more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
            say(f"left out, {why}: {', '.join(map(str, paths[:NAMED]))}{more}")
    if not found:
        raise ImageError(f"{given[0]}: expected photographs, found what Velatura has made alone")
    return list(found.values())


def output_names(photographs: Sequence[Photograph]) -> list[PurePath]:
    """Where each picture goes below the output folder; no two go to the same place.

    `x.jpg` becomes `x.png`. Where several photographs would, each keeps its own ending, as
    `x.jpg.png` and `x.png.png`, and has a number if that is not enough.
    """
    plain = [folder / f"{path.stem}.png" for path, folder in photographs]
    whole = [folder / f"{path.name}.png" for path, folder in photographs]
    often = Counter(map(_key, plain))
    taken = {key for key, times in often.items() if times == 1}
    numbers: Counter[str] = Counter()
    names = []
    for first, second in zip(plain, whole, strict=True):
        name = first
        if often[_key(first)] > 1:
            name = next(free for free in _numbered(second, numbers) if _key(free) not in taken)
            taken.add(_key(name))
        names.append(name)
    return names


def _numbered(path: PurePath, numbers: Counter[str]) -> Iterator[PurePath]:
    """`path`, then with a number, going on where it was left."""
    key = _key(path)
    while True:
        numbers[key] += 1
        number = numbers[key]
        yield path.with_stem(f"{path.stem}-{number}") if number > 1 else path


def _key(path: PurePath) -> str:
    """The same for names that are the same file on some disk."""
    return str(path).casefold()


def check_replaceable(output: Path, photograph: Path) -> None:
    """Raise ImageError if something is at `output` that Velatura did not make of `photograph`."""
    if not os.path.lexists(output):
        return
    if _content(output) != photograph.name:
        raise ImageError(
            f"{output}: is there already, and not made of {photograph.name} by Velatura; it is "
            "left as it is"
        )


def work_on_all(
    photographs: Sequence[Photograph], work: Work, arguments: argparse.Namespace
) -> int:
    """Work on each photograph into the folder `arguments.output`; return the exit code.

    Those that fail are named and counted, and the others done. A picture that Velatura made of the
    same photograph before is replaced, any other file left as it is.
    """
    from velatura.images.io import WRITABLE

    folder: Path = arguments.output
    if folder.suffix.lower() in WRITABLE:
        raise ImageError(
            f"{shown(folder)}: expected a folder to write to, got the name of a picture"
        )
    make_folder(folder)
    claims = arguments.outputs.claims
    claims.read(*(photograph.path for photograph in photographs))
    names = dict(zip(photographs, output_names(photographs), strict=True))
    reports = []
    batch = Batch(photographs, "photographs")
    with INTERRUPTIONS as interruptions:
        for photograph in batch:
            with batch.attempt(photograph):
                output = folder / names[photograph]
                make_folder(output.parent)
                claims.write(output)
                check_replaceable(output, photograph.path)
                report, batch.interrupted = work(photograph.path, output)
                reports.append(report)
        interruptions.hold()
    if arguments.json:
        failures = [{"path": path, "why": why} for path, why in batch.failures.items()]
        report = {"pictures": reports, "failed": len(failures), "failures": failures}
        print(json.dumps(report))
    return batch.end()


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not os.path.lexists(path)


def _is_in(path: Path, folder: str) -> bool:
    return PurePath(os.path.realpath(path.parent)).is_relative_to(folder)


def _content(picture: Path) -> str | None:
    """The name of the photograph that Velatura made a picture of; None if it did not."""
    from velatura.images.io import read_settings

    try:
        content = read_settings(picture).get("content")
    except ImageError:
        return None
    return content if isinstance(content, str) else None
