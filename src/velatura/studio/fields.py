"""Form fields read off an option class, and what they hold as options and as a command."""

import dataclasses
import shlex
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, get_type_hints

import gradio as gr
from gradio.components import Component

from velatura.errors import ConfigError
from velatura.options import Options, as_text, choices, meaning, parsers
from velatura.painting.config import StyleConfig
from velatura.painting.recipes import RECIPES

AnyOptions = TypeVar("AnyOptions", bound=Options)


def field(
    options: type[Options],
    name: str,
    *,
    label: str = "",
    page: str = "option",
) -> Component:
    """The form field of an option, called `page`-`name`."""
    entry = {entry.name: entry for entry in dataclasses.fields(options)}[name]
    hint = get_type_hints(options)[name]
    common: dict[str, Any] = {
        "label": label or name.replace("_", " "),
        "info": meaning(entry),
        "value": shown(getattr(options(), name)),
        "elem_id": f"{page}-{name}",
    }
    if hint is bool:
        return gr.Checkbox(**common)
    among, slider = entry.metadata["among"], entry.metadata["slider"]
    if values := choices(options, name) or among:
        return gr.Dropdown(choices=list(values), allow_custom_value=bool(among), **common)
    if slider:
        return gr.Slider(*slider, step=0.01, buttons=[], **common)
    if hint == float | None:
        common["info"] += "; 0 is no limit"
    if hint in (int, float, float | None):
        return gr.Number(**common)
    return gr.Textbox(lines=1, max_lines=1, **common)


def shown(value: Any) -> Any:
    """An option's value as its field holds it: lists and layers as text, no limit as 0."""
    return as_text(value) if isinstance(value, (tuple, dict)) else 0 if value is None else value


def read(options: type[AnyOptions], held: Mapping[str, Any]) -> AnyOptions:
    """Options from what fields hold. Raises ConfigError where a value is none."""
    hints, parse = get_type_hints(options), parsers(options)
    values = {}
    for name, value in held.items():
        hint = hints[name]
        if hint in (int, float) and value is None:
            raise ConfigError(f"{name.replace('_', '-')}: expected a number, got nothing")
        if hint == float | None and not value:
            value = None
        elif hint is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        elif isinstance(value, str) and hint not in (int, float, bool, str):
            try:
                # A tuple's parser takes no empty text; nothing given is an empty tuple.
                value = parse[name](value) if value.strip() or "dict" in str(hint) else ()
            except ValueError:
                raise ConfigError(
                    f"{name.replace('_', '-')}: expected text as at the command line, got {value!r}"
                ) from None
        values[name] = value
    return options.from_dict(values)


def command(recipe: str, config: StyleConfig, photograph: str, paintings: Collection[str]) -> str:
    """The command line that paints the same."""
    given = differences(RECIPES[recipe].config, config)
    if given is None:  # something of the recipe's cannot be taken back by an option
        recipe = "default"
        given = differences(RECIPES[recipe].config, config) or []
    words = ["velatura", "stylize", photograph, *paintings, "-o", "out.png"]
    words += ["--recipe", recipe] if recipe != "default" else []
    return shlex.join(words + given)


def differences(base: AnyOptions, options: AnyOptions) -> list[str] | None:
    """Command-line options that make `options` of `base`; None if there are none that can."""
    given: list[str] = []
    for entry in dataclasses.fields(options):
        value = getattr(options, entry.name)
        if value == getattr(base, entry.name):
            continue
        if value is False or value is None or value == ():
            return None
        given.append("--" + entry.name.replace("_", "-"))
        if value is not True:
            given.append(as_text(value))
    return given
