"""Command-line options read off option classes."""

import argparse
import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from velatura.cli.outputs import declare_input
from velatura.options import Options, as_text, choices, meaning, parse_names, parsers

if TYPE_CHECKING:
    from velatura.painting.config import StyleConfig


def add_config_options(
    parser: argparse.ArgumentParser, options: type[Options], without: Collection[str] = ()
) -> None:
    """One `--option` for every other field of `options`; those not given leave no attribute."""
    for option in dataclasses.fields(options):
        if option.name in without:
            continue
        flag = "--" + option.name.replace("_", "-")
        help_text = meaning(option).replace("%", "%%")
        if option.metadata["is_path"]:
            declare_input(parser, option.name)
        if option.type is bool:
            parser.add_argument(
                flag, action="store_true", default=argparse.SUPPRESS, help=help_text
            )
            continue
        parser.add_argument(
            flag,
            type=_reader(parsers(options)[option.name]),
            choices=choices(options, option.name),
            default=argparse.SUPPRESS,
            metavar=None
            if choices(options, option.name)
            else option.name.rsplit("_", 1)[-1].upper(),
            help=f"{help_text}{_default(option)}",
        )


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be read, for commands without a StyleConfig; `main` heeds it."""
    parser.add_argument(
        "--max-pixels",
        type=_pixels,
        metavar="PIXELS",
        help="most pixels of an image that is read; if not given, as many as memory holds",
    )


def config_from(
    arguments: argparse.Namespace, settings: Mapping[str, Any] | None = None
) -> "StyleConfig":
    """The StyleConfig of the given options, on top of `settings`, on top of a recipe's if named."""
    from velatura.painting.config import StyleConfig
    from velatura.painting.recipes import recipe

    given = given_options(arguments, StyleConfig)
    base = recipe(getattr(arguments, "recipe", "default")).config
    return dataclasses.replace(base, **{**(settings or {}), **given})


def given_options(arguments: argparse.Namespace, options: type[Options]) -> dict[str, Any]:
    """Those fields of `options` that were given on the command line."""
    names = {option.name for option in dataclasses.fields(options)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def _pixels(text: str) -> float:
    number = _reader(float)(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return float(number)


def _reader(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"expected {_EXPECTED.get(parse, 'comma-separated numbers')}, got {text!r}"
            ) from None

    return read


_EXPECTED: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    parse_names: "names between commas, each whole or in quotation marks",
}


def _default(option: "dataclasses.Field[Any]") -> str:
    default = option.default
    if option.default_factory is not dataclasses.MISSING:
        default = option.default_factory()
    return "" if default in ((), {}, None, "") else f" (default: {as_text(default)})"
