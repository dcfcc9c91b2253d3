import json

import pytest

from velatura.untrusted import DEEPEST, LONGEST, entry, printable, read_object

HARMFUL = {
    "brackets in brackets": "[" * 100_000,
    "objects in objects": '{"a":' * 100_000,
    "deeper than anything of ours": '{"a":' + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1) + "}",
    "NaN": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "infinity in digits": '{"a": [1e999]}',
    "an integer of a thousand digits": '{"a": ' + "9" * 1000 + "}",
    "an integer of 5,000 digits": '{"a": ' + "9" * 5000 + "}",
    "a null character": '{"a": "b\\u0000"}',
    "a null character in a name": '{"b\\u0000": 1}',
    "half a character": '{"a": "\\ud800"}',
    "a list": '["a"]',
    "a number": "5",
    "no JSON": "a = 5",
    "nothing": "",
    "a longer text than anything of ours": json.dumps({"a": "b" * LONGEST}),
}


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
def test_harmful_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_object(text)


def test_what_is_written_is_read():
    said = {
        "a": [1, 2.5, None, True, "Ünïcode"],
        "b": {"name": "caf\udce9.jpg", "large": 2**63 - 1},
    }
    assert read_object(json.dumps(said)) == said


@pytest.mark.parametrize(
    "values, kind", [({}, int), ({"a": "1"}, int), ({"a": True}, int), ({"a": None}, str)]
)
def test_an_entry_of_another_kind_is_told(values, kind):
    with pytest.raises(ValueError, match=f"a: expected {kind.__name__}"):
        entry(values, "a", kind)


def test_an_entry_of_its_kind_is_taken():
    assert entry({"a": 1}, "a", int) == 1
    assert type(entry({"a": 1}, "a", float)) is float
    assert entry(["x"], 0, str) == "x"


def test_text_cannot_steer_a_terminal():
    steering = "\x1b[31m\x9b31m\r\n\b\x07\u202e\u2066\u200f\x7f"
    made = printable(f"a{steering}b")
    assert made.isprintable()
    assert made.startswith("a\\x1b[31m")


def test_other_text_is_left_alone():
    text = "Crème brûlée × 日本語, a\u202fnarrow space, 👩\u200d🎨"
    assert printable(text) == text
