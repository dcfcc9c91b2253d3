"""Options declared once, as fields of frozen dataclasses: name, type, default, one line of help.

Command lines, forms and stored settings are read off such classes. Nothing here imports torch.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from velatura.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on

LARGEST = 1e15  # of any number; float32 squares it without overflow


def option(default: Any, help: str, is_path: bool = False) -> Any:
    """A field of an Options class; `is_path` if it names files that are read."""
    metadata = {"help": help, "is_path": is_path}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """Base of option classes. Raises ConfigError where a value is not of its field's type."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, list):
                value = tuple(value)
            elif isinstance(value, dict):  # the caller's may change; JSON knows no tuples
                value = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
            object.__setattr__(self, entry.name, value)
            _check_type(entry.name, value, hints[entry.name])

    def as_dict(self) -> dict[str, Any]:
        """All options as plain values, fit for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Self":
        """The inverse of `as_dict`. Raises ConfigError for unknown names and wrong values."""
        names = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := set(values) - names:
            raise ConfigError(f"unknown option {sorted(unknown)[0]!r}")
        return cls(**dict(values))


def parsers(options: type[Options]) -> dict[str, Callable[[str], Any]]:
    """For each option, the function that reads its value from text, as from a command line."""
    hints = get_type_hints(options)
    return {entry.name: _parser(hints[entry.name]) for entry in dataclasses.fields(options)}


def as_text(value: object) -> str:
    """An option's value as its parser takes it, exactly."""
    if isinstance(value, dict):
        return ",".join(f"{name}={as_text(item).replace(',', ':')}" for name, item in value.items())
    if isinstance(value, (tuple, list)):
        return ",".join(map(as_text, value))
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return str(value)


def choices(options: type[Options], name: str) -> tuple[str, ...] | None:
    """The values an option is limited to, or None."""
    hint = get_type_hints(options)[name]
    return get_args(hint) if get_origin(hint) is Literal else None


def _parser(hint: Any) -> Callable[[str], Any]:
    if hint == tuple[int, ...]:
        return lambda text: tuple(int(part) for part in text.split(","))
    if hint == tuple[float, ...]:
        return lambda text: tuple(float(part) for part in text.split(","))
    if hint == tuple[str, ...]:
        return lambda text: tuple(text.split(","))
    if hint == dict[str, float]:
        return _parse_layers
    if hint == dict[str, tuple[float, ...]]:
        return _parse_blends
    if hint == float | None:
        return float
    return str if get_origin(hint) is Literal else hint


def _parse_layers(text: str) -> dict[str, float]:
    """`relu1_1=1,relu2_1=0.8`; a name alone weighs 1; nothing at all is no layer."""
    layers = {}
    for part in filter(None, text.split(",")):
        name, _, weight = part.partition("=")
        layers[name.strip()] = float(weight) if weight else 1.0
    return layers


def _parse_blends(text: str) -> dict[str, tuple[float, ...]]:
    """`relu1_1=1:0,relu4_1=0:1`: a weight for each style at each layer named."""
    pairs = (part.partition("=") for part in filter(None, text.split(",")))
    return {
        name.strip(): tuple(float(weight) for weight in weights.split(":"))
        for name, _, weights in pairs
    }


def _check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        check(value in get_args(hint), name, value, " or ".join(get_args(hint)))
    elif hint is int:
        check(isinstance(value, int) and not isinstance(value, bool), name, value, "a whole number")
    elif hint is bool or hint is str:
        check(isinstance(value, hint), name, value, hint.__name__)
    elif hint is float or hint == float | None:
        if value is not None or hint is float:
            _check_number(name, value)
    elif hint in (tuple[int, ...], tuple[float, ...], tuple[str, ...]):
        check(isinstance(value, tuple), name, value, "a tuple")
        for item in value:
            _check_type(name, item, get_args(hint)[0])
    else:
        check(isinstance(value, dict), name, value, "a dictionary of layers and weights")
        for layer, weight in value.items():
            _check_type(f"{name} {layer}", weight, get_args(hint)[1])


def _check_number(name: str, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    check(number and abs(value) <= LARGEST, name, value, f"a number of at most {LARGEST:g}")


def check(condition: bool, name: str, value: Any, expected: str) -> None:
    """Raise ConfigError unless `condition` is true of option `name`."""
    if not condition:
        raise ConfigError(f"{name.replace('_', '-')}: expected {expected}, got {value!r}")
