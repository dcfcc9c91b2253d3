"""Options declared once, as fields of frozen dataclasses: name, type, default, one line of help.

Command lines, forms and stored settings are read off such classes. Nothing here imports torch.
"""

import csv
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NamedTuple,
    NoReturn,
    get_args,
    get_origin,
    get_type_hints,
)

from velatura.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on

LARGEST = 1e15  # of any number; float32 squares it without overflow
LONGEST = 200  # letters of a value that a message shows


class Bounds(NamedTuple):
    """Which numbers an option takes; of lists and layers, each item."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def hold(self, number: float) -> bool:
        """Whether `number` is within them."""
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        low, high = self.at_least, self.at_most
        if low is not None and high is not None:
            return f"from {low:g} to {high:g}"
        said = (
            ("at least", low),
            ("above", self.above),
            ("at most", high),
            ("below", self.below),
        )
        return " and ".join(f"{words} {number:g}" for words, number in said if number is not None)


def option(
    default: Any,
    help: str,
    *,
    is_path: bool = False,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    slider: tuple[float, float] | None = None,
    among: Sequence[str] = (),
) -> Any:
    """A field of an Options class, with one line of `help`.

    `is_path` says that it names files that are read. `at_least`, `at_most`, `above` and `below` are
    bounds of a number, or of each item of a list or dictionary. `slider` is what a form offers of a
    number, if not all that the bounds allow, and `among` are texts that it offers where others are
    allowed, too.
    """
    bounds = Bounds(at_least, at_most, above, below)
    if slider is None and at_least is not None and at_most is not None:
        slider = (at_least, at_most)
    metadata = {
        "help": help,
        "is_path": is_path,
        "bounds": bounds,
        "slider": slider,
        "among": tuple(among),
    }
    if isinstance(default, dict):
        return field(default_factory=lambda: Frozen(default), metadata=metadata)
    return field(default=default, metadata=metadata)


class Frozen(dict[str, Any]):
    """A dictionary that stays as it is made, and may be a key. A copy by `dict()` may change."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("options are frozen; make others with dataclasses.replace")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type["Frozen"], tuple[dict[str, Any]]]:
        return Frozen, (dict(self),)


@dataclass(frozen=True)
class Options:
    """Base of option classes. Raises ConfigError where a value is not of its field's type.

    Values are kept as plain ones: NumPy's and PyTorch's numbers, lists and paths are converted.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for entry in dataclasses.fields(self):
            value = _plain(getattr(self, entry.name))
            object.__setattr__(self, entry.name, value)
            _check_type(entry.name, value, hints[entry.name])
            _check_bounds(entry.name, value, entry.metadata["bounds"])

    def as_dict(self) -> dict[str, Any]:
        """All options as plain values, fit for JSON."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return {k: dict(v) if isinstance(v, dict) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Self":
        """The inverse of `as_dict`. Raises ConfigError for unknown names and wrong values."""
        names = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := set(values) - names:
            raise ConfigError(f"unknown option {sorted(unknown)[0]!r}")
        return cls(**dict(values))


def meaning(entry: "dataclasses.Field[Any]") -> str:
    """An option's help, with the numbers that it takes."""
    bounds = str(entry.metadata["bounds"])
    return f"{entry.metadata['help']} ({bounds})" if bounds else entry.metadata["help"]


def parsers(options: type[Options]) -> dict[str, Callable[[str], Any]]:
    """For each option, the function that reads its value from text, as from a command line."""
    hints = get_type_hints(options)
    return {entry.name: _parser(hints[entry.name]) for entry in dataclasses.fields(options)}


def as_text(value: object) -> str:
    """An option's value as its parser takes it, exactly."""
    if isinstance(value, dict):
        return ",".join(f"{name}={as_text(item).replace(',', ':')}" for name, item in value.items())
    if isinstance(value, (tuple, list)):
        return ",".join(map(_quoted, map(as_text, value)))
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return str(value)


def _quoted(text: str) -> str:
    """`text` as one of several between commas."""
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


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
        return parse_names
    if hint == dict[str, float]:
        return _parse_layers
    if hint == dict[str, tuple[float, ...]]:
        return _parse_blends
    if hint == float | None:
        return float
    return str if get_origin(hint) is Literal else hint


def parse_names(text: str) -> tuple[str, ...]:
    """`a.png,b.png`; names that have commas of their own in quotation marks, as in CSV files."""
    try:
        return tuple(*csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None


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


def _plain(value: Any) -> Any:
    """A value without anything of NumPy, PyTorch or pathlib, and that nobody can change."""
    if hasattr(value, "tolist"):  # numbers and arrays of either
        value = value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    if isinstance(value, Mapping):  # the caller's may change
        return Frozen({_plain(key): _plain(item) for key, item in value.items()})
    return value


def _check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        check(value in get_args(hint), name, value, " or ".join(get_args(hint)))
    elif hint is int:
        check(isinstance(value, int) and not isinstance(value, bool), name, value, "a whole number")
    elif hint is bool:
        check(isinstance(value, bool), name, value, "True or False")
    elif hint is str:
        check(isinstance(value, str), name, value, "text")
    elif hint is float or hint == float | None:
        if value is not None or hint is float:
            _check_number(name, value)
    elif hint in (tuple[int, ...], tuple[float, ...], tuple[str, ...]):
        check(isinstance(value, tuple), name, value, f"a list of {_ITEMS[get_args(hint)[0]]}")
        for item in value:
            _check_type(name, item, get_args(hint)[0])
    else:
        check(isinstance(value, dict), name, value, "a dictionary of layers and weights")
        for layer, weight in value.items():
            _check_type(f"{name} {layer}", weight, get_args(hint)[1])


def _check_number(name: str, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    check(number, name, value, "a number")
    check(abs(value) <= LARGEST, name, value, f"a number of at most {LARGEST:g} in size")


def _check_bounds(name: str, value: Any, bounds: Bounds) -> None:
    if isinstance(value, dict):
        for layer, item in value.items():
            _check_bounds(f"{name} {layer}", item, bounds)
    elif isinstance(value, tuple):
        for item in value:
            _check_bounds(name, item, bounds)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        of = "of " if str(bounds).startswith("at") else ""
        check(bounds.hold(value), name, value, f"a number {of}{bounds}")


_ITEMS: dict[Any, str] = {int: "whole numbers", float: "numbers", str: "names"}


def check(condition: bool, name: str, value: Any, expected: str) -> None:
    """Raise ConfigError unless `condition` is true of an option, as `size` or `blend relu1_1`."""
    if not condition:
        option, space, layer = name.partition(" ")
        got = repr(value)
        got = got if len(got) <= LONGEST else f"{got[:LONGEST]}…"
        raise ConfigError(
            f"{option.replace('_', '-')}{space}{layer}: expected {expected}, got {got}"
        )
