"""`velatura sheet`: several styles, and several values of an option, beside each other."""

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from velatura.cli.batch import Batch
from velatura.cli.commission import Commission
from velatura.cli.options import add_config_options, config_from
from velatura.cli.painting import paint
from velatura.cli.progress import say
from velatura.errors import ConfigError
from velatura.options import as_text, parsers
from velatura.painting.config import StyleConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="a row each")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="where to write; the ending says what"
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
    from PIL import Image

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
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        for style in batch:
            row: list[Image.Image] = []
            with batch.attempt(style):
                for label, settings in zip(labels, columns, strict=True):
                    if not arguments.quiet:
                        say(f"{style.stem} {label}".rstrip())
                    commission = Commission(arguments.content, [style], picture, settings)
                    try:
                        _, batch.interrupted = paint(commission, quiet=arguments.quiet)
                    except KeyboardInterrupt:
                        if not row:
                            raise
                        batch.interrupted = True
                        break
                    with Image.open(picture) as image:
                        row.append(image.convert("RGB"))
                    if batch.interrupted:
                        break
                names.append(style.stem)
                rows.append(row)
    if rows:
        write(arguments.output, grid(rows, names, labels))
    return batch.end()


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
