"""What files of strangers say: JSON and text, taken so that nothing in them does harm."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

Value = TypeVar("Value")

LONGEST = 1 << 20  # characters of JSON; settings and cards have a few thousand
DEEPEST = 20  # brackets in brackets
LARGEST_INTEGER = 1 << 63
# Control characters, and those that turn the direction of text.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def read_object(text: str) -> dict[str, Any]:
    """The JSON object that `text` is.

    Raises ValueError if it is none, or too long or deep to be one of Velatura's, or holds NaN,
    infinity, an integer of more than 64 bits, or text with a null character or half a character.
    """
    if len(text) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} characters of JSON, got {len(text)}")
    try:
        found = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"expected JSON of at most {DEEPEST} levels") from None
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, got {type(found).__name__}")
    _check(found)
    return found


def entry(values: Mapping[str, Any] | Sequence[Any], name: str | int, kind: type[Value]) -> Value:
    """The value of `name`, which has to be there and of `kind`, no bool. Raises ValueError."""
    known: dict[Any, Any] = dict(values if isinstance(values, Mapping) else enumerate(values))
    value = known.get(name)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name}: expected {kind.__name__}, got {str(value)[:80]!r}")
    return value


def printable(text: str) -> str:
    """`text` fit for a line on a terminal: characters that would steer it are spelt out."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _check(value: Any, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise ValueError(f"expected JSON of at most {DEEPEST} levels")
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("expected text without null characters")
        value.encode("utf-8", "surrogateescape")  # as names that are no UTF-8; raises ValueError
    elif isinstance(value, int):
        if abs(value) >= LARGEST_INTEGER:
            raise ValueError("expected integers of at most 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):  # 1e999 is infinity
            raise ValueError("expected finite numbers")
    elif isinstance(value, (dict, list)):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(item, depth + 1)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"expected finite numbers, got {constant}")
