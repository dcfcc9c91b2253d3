"""Commands over one photograph or many: which they are, where each goes, what failed."""

import argparse
import glob
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from velatura.cli.interruptions import KEEPING
from velatura.cli.outputs import Outputs, shown
from velatura.cli.progress import Progress, say
from velatura.errors import ConfigError, FileError, ImageError
from velatura.files import make_folder

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

Work = Callable[[Path, Path], tuple[dict[str, Any], bool]]
"""Makes the second path from the first; returns a report, and whether it was interrupted."""
Made: TypeAlias = "tuple[Image.Image | np.ndarray[Any, Any], dict[str, Any]]"
"""A picture, and the settings to be kept in its file."""


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
        with KEEPING as keeping, Progress(arguments.quiet, photograph.name) as progress:
            picture, settings = make(
                photograph,
                output,
                lambda done: progress.at(done, 1, time.monotonic() - began, ""),
            )
            keeping.hold()
            written = outputs.keep(output, lambda path: write(path, picture, settings))
        seconds = time.monotonic() - began
        height, width = picture.shape[:2] if hasattr(picture, "shape") else picture.size[::-1]
        progress.say(f"{shown(written)}: {width}×{height}, {seconds:.1f} s")
        report = {"output": str(written), "content": str(photograph), "width": width}
        return report | {"height": height, "seconds": round(seconds, 3)}, keeping.came

    outputs: Outputs = arguments.outputs
    several = photographs(arguments.photos)
    if several is not None:
        return work_on_all(several, work, arguments)
    report, interrupted = work(arguments.photos[0], arguments.output)
    if arguments.json:
        print(json.dumps(report))
    return 130 if interrupted else 0


def photographs(given: Sequence[Path]) -> list[Path] | None:
    """All photographs that files, folders and patterns name; None for one file alone."""
    from velatura.images.io import WRITABLE

    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in WRITABLE)
        elif glob.has_magic(str(path)) and not path.exists():
            # Path.glob takes no absolute patterns.
            inside = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        elif len(given) == 1:
            return None
        else:
            inside = [path]
        if not inside:
            raise ImageError(f"{path}: expected photographs, found none")
        found += inside
    return found


def work_on_all(photographs: Sequence[Path], work: Work, arguments: argparse.Namespace) -> int:
    """Work on each photograph into the folder `arguments.output`; return the exit code.

    Those that fail are named and counted, and the others done.
    """
    from velatura.images.io import WRITABLE

    folder: Path = arguments.output
    if folder.suffix.lower() in WRITABLE:
        raise ImageError(
            f"{shown(folder)}: expected a folder to write to, got the name of a picture"
        )
    outputs = [folder / f"{photograph.stem}.png" for photograph in photographs]
    for output in outputs:
        if outputs.count(output) > 1:
            raise ConfigError(f"{output}: expected photographs of different names, got two of them")
    make_folder(folder)
    claims = arguments.outputs.claims
    claims.read(*photographs)
    reports, failed, interrupted = [], 0, False
    with KEEPING as keeping:
        for photograph, output in zip(photographs, outputs, strict=True):
            try:
                claims.write(output)
                report, interrupted = work(photograph, output)
                reports.append(report)
            except (ImageError, FileError) as error:
                say(f"velatura: {error}")
                failed += 1
            except KeyboardInterrupt:
                interrupted = True
            if interrupted:
                break
        keeping.hold()
        if interrupted and not reports:
            raise KeyboardInterrupt
    if arguments.json:
        print(json.dumps({"pictures": reports, "failed": failed}))
    if failed:
        say(f"velatura: {failed} of {len(photographs)} photographs could not be painted")
    if interrupted:
        say(f"velatura: interrupted after {len(reports)} of {len(photographs)} photographs")
    return 130 if interrupted else 2 if failed else 0
