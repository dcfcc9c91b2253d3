import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from skimage import data


@pytest.fixture
def library(velatura):
    folder = velatura.folder / "library"
    folder.mkdir()
    for name in ("chelsea", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).resize((240, 160)).save(folder / f"{name}.png")
    shutil.copy(folder / "coffee.png", folder / "twin.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_json_names_groups_and_broken_files(velatura, library):
    done = velatura("duplicates", "library", "--json", "--quiet")
    assert done.returncode == 2  # one is broken
    assert done.stderr == ""
    found = json.loads(done.stdout)
    (group,) = found["groups"]
    assert group["keep"] == str(library / "coffee.png")
    assert [set(image) for image in group["images"]] == [{"path", "similarity", "why"}] * 2
    assert group["images"][1] == {
        "path": str(library / "twin.png"),
        "similarity": 1.0,
        "why": "same bytes",
    }
    (broken,) = found["broken"]
    assert broken["path"] == str(library / "broken.jpg")
    assert "another kind of file" in broken["why"]


def test_words_say_what_to_keep_and_sum_up(velatura, library):
    done = velatura("duplicates", "library", "--report", "out.html")
    assert done.returncode == 2
    assert f"keep      240×160  {library / 'coffee.png'}" in done.stdout
    assert "4 pictures, 1 group, 1 copy to spare" in done.stderr
    assert "1 broken" in done.stderr
    assert f"{library / 'broken.jpg'}: expected an image" in done.stderr
    assert (velatura.folder / "out.html").stat().st_size > 5000


def test_moving_is_first_said_then_done(velatura, library):
    options = ("duplicates", "library", "--json", "--move-to", "aside")
    planning = velatura(*options, "--dry-run")
    assert "1 would move" in planning.stderr
    planned = json.loads(planning.stdout)
    assert planned["would move"] == [
        {"path": str(library / "twin.png"), "to": str(Path("aside", "twin.png"))}
    ]
    assert not (velatura.folder / "aside").exists()
    moving = velatura(*options)
    assert "1 moved" in moving.stderr
    done = json.loads(moving.stdout)
    assert done["moved"] == planned["would move"]
    assert (velatura.folder / "aside" / "twin.png").is_file()
    assert not (library / "twin.png").exists()
    assert (library / "coffee.png").exists()


def test_rules_decide_what_is_kept_and_what_moves(velatura, library):
    (library / "mine").mkdir()
    shutil.copy(library / "coffee.png", library / "mine" / "oldest.png")
    os.link(library / "chelsea.png", library / "linked.png")
    Image.open(library / "chelsea.png").resize((480, 320)).save(library / "large.png")
    done = velatura(
        *("duplicates", "library", "--json", "--move-to", "aside"),
        *("--protect", "library/mine", "--keep", "path=*/twin.png", "--keep", "newest"),
    )
    found = json.loads(done.stdout)
    assert [group["keep"] for group in found["groups"]] == [
        *(str(library / "large.png"), str(library / "mine" / "oldest.png"))
    ]
    assert [one["path"] for one in found["moved"]] == [
        *(str(library / "twin.png"), str(library / "coffee.png"))
    ]
    (stays,) = found["not moved"]
    assert "hard link" in stays["why"]
    assert stays["why"] == found["groups"][0]["images"][1]["stays"]
    assert "4 pictures" not in done.stderr
    assert "2 copies to spare" in done.stderr


def test_pairs_and_places_are_left_out_when_asked(velatura, library):
    (velatura.folder / "other").mkdir()
    shutil.copy(library / "rocket.png", velatura.folder / "other")
    done = velatura("duplicates", "library", "other", "--across", "--json", "--index", "x.db")
    (group,) = json.loads(done.stdout)["groups"]
    assert group["keep"] == str(library / "rocket.png")
    Image.open(library / "coffee.png").save(library / "twin.png", compress_level=1)
    pair = ("--no-match", str(library / "coffee.png"), "library/twin.png")
    done = velatura("duplicates", "library", "--json", "--index", "x.db", *pair)
    assert json.loads(done.stdout)["groups"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode elsewhere")
def test_names_that_are_no_text_are_printed_reported_and_moved(velatura, library):
    name = os.fsdecode(b"caf\xe9.png")
    (library / "twin.png").rename(library / name)
    done = velatura("duplicates", "library", "--report", "out.html", "--move-to", "aside")
    assert done.returncode == 2, done.stderr
    (moved,) = (velatura.folder / "aside").iterdir()
    assert moved.name in (name, "coffee.png")
    assert "caf" in (velatura.folder / "out.html").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_named_and_not_waited_for(velatura, library):
    os.mkfifo(library / "pipe.png")
    done = velatura("duplicates", "library", "--json")
    assert done.returncode == 2
    assert {"path": str(library / "pipe.png"), "why": "expected an image file, got a pipe"} in (
        json.loads(done.stdout)["broken"]
    )


def test_similar_pictures_of_an_index(velatura, library):
    assert velatura("duplicates", "library", "--index", "x.db", "--quiet").returncode == 2
    done = velatura("similar", "library/rocket.png", "--index", "x.db", "--by", "style", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["by"] == "style"
    assert {Path(image["path"]).name for image in found["images"]} == {
        *("chelsea.png", "coffee.png", "twin.png")
    }
    lines = velatura("similar", "photo.png", "--index", "x.db", "--count", "2").stdout.splitlines()
    assert lines[0].endswith("chelsea.png")  # photo.png is a small one of it
    assert len(lines) == 2


def test_interrupted_it_keeps_what_it_saw(velatura, library):
    for number in range(150):
        Image.new("RGB", (640, 640), (number % 256, 0, 0)).save(library / f"many{number}.png")
    process = velatura.start("duplicates", "library", "--index", "x.db")
    index = velatura.folder / "x.db"
    end = time.monotonic() + 300  # reached on no machine but a very busy one
    while time.monotonic() < end and not (index.exists() and index.stat().st_size > 60_000):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130, told
    assert "what was seen is in x.db, run it again to go on" in told
    assert "Traceback" not in told
    done = velatura("duplicates", "library", "--index", "x.db", "--json", "--quiet")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["files"] == 154


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("duplicates", "nowhere"), "expected a folder or a picture, found nothing"),
        (("duplicates", "library", "--threshold", "much"), "expected auto or a number"),
        (("duplicates", "library", "--threshold", "7"), "threshold: expected auto or a number"),
        (("duplicates", "library", "--dry-run"), "dry-run: expected --move-to"),
        (("duplicates", "library", "--add"), "add: expected an index"),
        (("duplicates", "library", "--across"), "across: expected two folders"),
        (("duplicates", "library", "--keep", "best"), "keep: expected oldest, newest"),
        (("duplicates", "library", "--no-match", "a", "b"), "no-match: expected an index"),
        (("duplicates", "library", "--move-to", "library/aside"), "outside of those"),
        (("duplicates", "library", "--index", "photo.png"), "expected an index of velatura"),
        (("duplicates", "library", "--report", "no/where.html"), "the folder no does not exist"),
        (("similar", "photo.png", "--index", "no.db"), "expected an index, found nothing"),
        (("similar", "photo.png", "--index", "photo.png"), "expected an index of velatura"),
    ],
)
def test_bad_input_is_one_line(velatura, library, arguments, told):
    (library / "broken.jpg").unlink()
    done = velatura(*arguments)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
