"""Commands over one photograph or many: which they are, where each goes, what failed."""

import argparse
import glob
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from velatura.cli.progress import say
from velatura.errors import ConfigError, ImageError

Work = Callable[[Path, Path], tuple[dict[str, Any], bool]]
"""Makes the second path from the first; returns a report, and whether it was interrupted."""


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
    from velatura.images.io import WRITABLE, make_folder

    folder: Path = arguments.output
    if folder.suffix.lower() in WRITABLE:
        raise ImageError(f"{folder}: expected a folder to write to, got the name of a picture")
    outputs = [folder / f"{photograph.stem}.png" for photograph in photographs]
    for output in outputs:
        if outputs.count(output) > 1:
            raise ConfigError(f"{output}: expected photographs of different names, got two of them")
    make_folder(folder)
    reports, failed, interrupted = [], 0, False
    for photograph, output in zip(photographs, outputs, strict=True):
        try:
            report, interrupted = work(photograph, output)
            reports.append(report)
        except ImageError as error:
            say(f"velatura: {error}")
            failed += 1
        except KeyboardInterrupt:
            if not reports:
                raise
            interrupted = True
        if interrupted:
            break
    if arguments.json:
        print(json.dumps({"pictures": reports, "failed": failed}))
    if failed:
        say(f"velatura: {failed} of {len(photographs)} photographs could not be painted")
    return 130 if interrupted else 2 if failed else 0
