import json

import pytest

from velatura.errors import CheckpointError
from velatura.painting.config import StyleConfig
from velatura.session.job import FILE_NAME, Job


@pytest.fixture
def stored(files):
    """The text of a painting that is to go on, in a folder of its own."""
    photo, painting = files / "photo.png", files / "painting.png"
    Job(photo, [painting], StyleConfig(), files / "out.png").save(files / "state")
    assert Job.load(files / "state").content == photo
    return files / "state" / FILE_NAME


def without(name):
    return lambda values: {key: value for key, value in values.items() if key != name}


ENTRIES = ("content", "styles", "output", "config", "canvas", "upscale", "sha256")
CHANGES = {
    **{f"no {name}": without(name) for name in ENTRIES},
    **{
        f"{name} of another type": lambda v, name=name: v | {name: 5.5}
        for name in (*ENTRIES, "memory", "masks", "style_masks", "initial")
    },
    "a null character": lambda v: v | {"content": "a\0b"},
    "half a character": lambda v: v | {"output": "\ud800.png"},
    "infinity": lambda v: v | {"config": v["config"] | {"style_weight": float("inf")}},
    "a picture of a billion squared": lambda v: v | {"content": None, "canvas": [10**9, 10**9]},
    "a side alone": lambda v: v | {"canvas": [64]},
    "an enlargement that there is not": lambda v: v | {"upscale": 10**9},
    "a style that is no text": lambda v: v | {"styles": [5]},
    "an unknown option": lambda v: v | {"config": {"x": 1}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_damaged_painting_is_told(stored, change):
    stored.write_text(json.dumps(change(json.loads(stored.read_text()))))
    with pytest.raises(CheckpointError, match="holds no painting to go on with"):
        Job.load(stored.parent)


def test_brackets_in_brackets_are_told(stored):
    stored.write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="holds no painting to go on with"):
        Job.load(stored.parent)


@pytest.mark.parametrize("checksums", [{}, {"/dev/zero": "0"}])
def test_images_are_checked_and_nothing_else_is_read(stored, checksums):
    stored.write_text(json.dumps(json.loads(stored.read_text()) | {"sha256": checksums}))
    with pytest.raises(CheckpointError, match="it changed"):
        Job.load(stored.parent)


@pytest.mark.parametrize("name", ["/dev/zero", "x" * 5000])
def test_what_is_no_file_is_not_read(stored, name):
    stored.write_text(json.dumps(json.loads(stored.read_text()) | {"styles": [name]}))
    with pytest.raises(CheckpointError, match="expected a file, found none"):
        Job.load(stored.parent)
