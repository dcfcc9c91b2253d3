"""Files as strangers might send them: bytes flipped, cut, inserted, words replaced."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOSTILE = [
    *(b"[" * 1000, b"{" * 1000, b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 30, b"null", b'""'),
    *(
        b"[]",
        b"{}",
        b"\0",
        b"\\u0000",
        b"\\ud800",
        b"\xff\xfe",
        b"/dev/zero",
        b"../../x",
        b"x" * 300,
    ),
]


class Mutation(bytes):
    """The content of a file; what was changed is shown in place of it."""

    changes: list[tuple[str, int, int]]

    def __repr__(self) -> str:
        return f"<{len(self)} bytes: {self.changes}>"


@st.composite
def mutated(draw: st.DrawFn, whole: bytes, words: Sequence[bytes] = ()) -> Mutation:
    """`whole` with a few changes; `words` are worth being replaced."""
    data, changes = whole, []
    for _ in range(draw(st.integers(1, 3))):
        # What stands first and last decides more than what is between.
        near = min(len(data), 300)
        first, last = st.integers(0, near), st.integers(len(data) - near, len(data))
        at = draw(st.one_of(first, last, st.integers(0, len(data))))
        change = draw(st.sampled_from(["flip", "set", "cut", "drop", "insert", "word"]))
        length = draw(st.integers(1, 20))
        changes.append((change, at, length))
        if change == "flip" and at < len(data):
            flipped = data[at] ^ (1 << draw(st.integers(0, 7)))
            data = data[:at] + bytes([flipped]) + data[at + 1 :]
        elif change == "set":
            data = (
                data[:at] + draw(st.binary(min_size=length, max_size=length)) + data[at + length :]
            )
        elif change == "cut":
            data = data[:at]
        elif change == "drop":
            data = data[:at] + data[at + length :]
        elif change == "insert":
            data = data[:at] + draw(st.sampled_from(HOSTILE)) + data[at:]
        elif change == "word" and words:
            data = data.replace(draw(st.sampled_from(words)), draw(st.sampled_from(HOSTILE)), 1)
    made = Mutation(data)
    made.changes = changes
    return made


examples = pytest.mark.parametrize(
    "examples", [100, pytest.param(2000, marks=pytest.mark.slow)], ids=str
)


def outcome(act: Callable[[], Any], *errors: type[Exception]) -> tuple[Any, str]:
    """What `act` gives and an empty text, or None and what one of the `errors` says."""
    try:
        return act(), ""
    except errors as error:
        return None, str(error) or type(error).__name__


def for_all(
    strategy: st.SearchStrategy[Any], examples: int, promise: Callable[[Any], None]
) -> None:
    """Check `promise` of so many examples, the same ones where they are few."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples <= 100,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check(example: Any) -> None:
        promise(example)

    check()
