"""`velatura stylize`: paint a photograph, or a folder of them, in the style of a painting."""

import argparse
import glob
import json
from pathlib import Path

from velatura.cli.commission import Commission
from velatura.cli.options import add_config_options, config_from
from velatura.cli.painting import add_output_arguments, carry_out, paint
from velatura.cli.progress import say
from velatura.errors import ConfigError, ImageError
from velatura.painting.config import StyleConfig

ONE_PICTURE_ONLY = ("checkpoint", "film", "strip", "log", "plot")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "content", type=Path, help="the photograph; or a folder, or a quoted pattern as '*.jpg'"
    )
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="the painting(s)")
    add_output_arguments(parser)
    parser.add_argument(
        "--recipe", default="default", help="settings to begin with; see velatura recipes"
    )
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    config = config_from(arguments)
    photographs = _several(arguments.content)
    if photographs is not None:
        return _paint_all(photographs, config, arguments)
    commission = Commission(arguments.content, arguments.styles, arguments.output, config)
    return carry_out(commission, arguments)


def _several(content: Path) -> list[Path] | None:
    """The photographs in a folder or of a pattern; None if `content` is neither."""
    from velatura.images.io import WRITABLE

    if content.is_dir():
        found = sorted(path for path in content.iterdir() if path.suffix.lower() in WRITABLE)
    elif glob.has_magic(str(content)) and not content.exists():
        # Path.glob takes no absolute patterns.
        found = [Path(name) for name in sorted(glob.glob(str(content), recursive=True))]  # noqa: PTH207
    else:
        return None
    if not found:
        raise ImageError(f"{content}: expected photographs, found none")
    return found


def _paint_all(photographs: list[Path], config: StyleConfig, arguments: argparse.Namespace) -> int:
    """Paint each into a folder; name those that failed, and go on."""
    from velatura.images.io import WRITABLE, make_folder

    folder: Path = arguments.output
    for option in ONE_PICTURE_ONLY:
        if getattr(arguments, option):
            raise ConfigError(f"{option}: expected one photograph, got {len(photographs)}")
    if folder.suffix.lower() in WRITABLE:
        raise ImageError(f"{folder}: expected a folder to write to, got the name of a picture")
    make_folder(folder)
    reports, failed, interrupted = [], 0, False
    for photograph in photographs:
        output = folder / f"{photograph.stem}.png"
        commission = Commission(photograph, arguments.styles, output, config)
        try:
            report, interrupted = paint(commission, quiet=arguments.quiet)
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
