import json
import random
import time
from itertools import count

import pytest
from PIL import Image, ImageChops

STYLIZE = ("stylize", "photo.png", "painting.png", "--steps", "40,30", "--precision", "fp32")
CHECKPOINT = ("--checkpoint", "state", "--checkpoint-seconds", "0")


def test_killed_at_random_moments_it_ends_with_the_same_picture(velatura):
    assert velatura(*STYLIZE, "-o", "whole.png", "--quiet").returncode == 0
    chance = random.Random(0)
    arguments = (*STYLIZE, "-o", "killed.png", *CHECKPOINT)
    for attempt in count():
        process = velatura.start(*arguments)
        if attempt < 6:
            # After the first line the program is up; then anywhere in the painting or a write.
            while not (velatura.folder / "state" / "painting.json").exists():
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 3.0))
            process.kill()
        _, err = process.communicate(timeout=120)
        arguments = ("resume", "state")
        if process.returncode == 0:
            break
        assert process.returncode == -9, err
    assert not list((velatura.folder / "state").glob("*.json"))
    with (
        Image.open(velatura.folder / "whole.png") as whole,
        Image.open(velatura.folder / "killed.png") as killed,
    ):
        assert ImageChops.difference(whole, killed).getbbox() is None


def test_an_unfinished_painting_is_not_painted_over(velatura):
    (velatura.folder / "state").mkdir()
    (velatura.folder / "state" / "state.safetensors").write_bytes(b"precious")
    done = velatura(*STYLIZE, "-o", "out.png", *CHECKPOINT)
    assert done.returncode == 2
    assert "velatura resume state" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_to_go_on_with_is_told(velatura):
    done = velatura("resume", "nowhere")
    assert done.returncode == 2
    assert "holds no painting to go on with" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("changed", ["photo.png", "painting.png"])
def test_changed_images_are_told(velatura, changed):
    process = velatura.start(*STYLIZE, "-o", "out.png", *CHECKPOINT)
    while not (velatura.folder / "state" / "painting.json").exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    Image.new("RGB", (64, 64), "red").save(velatura.folder / changed)
    done = velatura("resume", "state")
    assert done.returncode == 2
    assert "it changed" in done.stderr


def test_a_finished_painting_leaves_no_state(velatura):
    done = velatura(*STYLIZE[:-4], "--steps", "2,2", "-o", "out.png", *CHECKPOINT, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 4
    assert list((velatura.folder / "state").iterdir()) == []


def test_a_resumed_painting_has_the_memory_it_began_with(velatura):
    process = velatura.start(*STYLIZE, "-o", "out.png", *CHECKPOINT)
    stored = velatura.folder / "state" / "painting.json"
    while not stored.exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert json.loads(stored.read_text())["memory"].endswith("MB")
    assert json.loads(stored.read_text())["config"]["memory"] == "auto"
