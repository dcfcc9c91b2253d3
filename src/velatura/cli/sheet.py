"""`velatura sheet`: several styles, and several values of an option, beside each other."""

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.attempts import Batch
from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_config_options, config_from
from velatura.cli.outputs import add_input, add_output
from velatura.cli.painting import paint
from velatura.cli.progress import STAND_INS, say
from velatura.errors import ConfigError
from velatura.options import as_text, parsers
from velatura.painting.config import StyleConfig
from velatura.session.job import Job

if TYPE_CHECKING:
    from PIL import Image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "content", help="the photograph")
    add_input(parser, "styles", nargs="+", metavar="style", help="a row each")
    add_output(
        parser,
        *("-o", "--output"),
        picture=True,
        required=True,
        help="where to write; the ending says what",
    )
    parser.add_argument(
        "--sweep",
        metavar="OPTION=VALUE,VALUE…",
        help="a column for each value, as style-weight=0.5,1,2; lists apart by semicolons",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--recipe", default="default", help="settings to begin with; see velatura recipes"
    )
    add_config_options(parser, StyleConfig)


def run(arguments: argparse.Namespace) -> int:
    from velatura.images.io import check_writable, write
    from velatura.images.sheet import grid

    config = config_from(arguments)
    check_writable(arguments.output)
    option, values = _sweep(arguments.sweep)
    columns = [dataclasses.replace(config, **{option: v}) if option else config for v in values]
    labels = [f"{option.replace('_', '-')} {as_text(value)}" if option else "" for value in values]
    names: list[str] = []
    rows: list[list[Image.Image]] = []
    batch = Batch(arguments.styles, "styles")
    with INTERRUPTIONS as interruptions:
        for style in batch:
            row: list[Image.Image] = []
            try:
                with batch.attempt(style):
                    batch.interrupted = _paint_row(arguments, style, columns, labels, row)
            finally:
                if row:  # of one that fails half-way, too, there is a picture
                    names.append(style.stem)
                    rows.append(row)
        interruptions.hold()
        if rows:
            sheet = grid(rows, names, labels)
            arguments.outputs.keep(arguments.output, lambda path: write(path, sheet))
        code = batch.end()
        return 130 if interruptions.came else code


def _paint_row(
    arguments: argparse.Namespace,
    style: Path,
    columns: "list[StyleConfig]",
    labels: list[str],
    row: "list[Image.Image]",
) -> bool:
    """Fill `row`, and return whether it was interrupted; where it fails, part of it is there."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        for number, (label, config) in enumerate(zip(labels, columns, strict=True)):
            if not arguments.quiet:
                say(f"{style.stem} {label}".rstrip())
            picture = Path(folder) / f"{number}.png"
            STAND_INS[str(picture)] = f"{style.stem} {label}".rstrip()
            job = Job(arguments.content, [style], config, picture)
            try:
                _, interrupted = paint(job, arguments.outputs, quiet=arguments.quiet)
            except KeyboardInterrupt:
                if not row:
                    raise
                interrupted = True
            finally:
                if picture.exists():
                    with Image.open(picture) as image:
                        row.append(image.convert("RGB"))
            if interrupted:
                return True
    return False


def _sweep(text: str | None) -> tuple[str, list[Any]]:
    """The option's name and its values; no name and one value where nothing is swept."""
    if not text:
        return "", [None]
    name, _, listed = text.partition("=")
    option = name.strip().removeprefix("--").replace("-", "_")
    if option not in parsers(StyleConfig) or not listed:
        raise ConfigError(
            f"sweep: expected an option of `velatura sheet` and its values, as "
            f"style-weight=0.5,1,2, got {text!r}"
        )
    parts = listed.split(";") if ";" in listed else listed.split(",")
    try:
        return option, [parsers(StyleConfig)[option](part) for part in parts]
    except ValueError:
        raise ConfigError(f"sweep: {option}: cannot read the values {listed!r}") from None
