import json
import signal

import numpy as np
import pytest
from PIL import Image

from ..video.films import decoded, make_film, panned


@pytest.fixture
def film(files):
    return make_film(files / "film.mp4", panned(8), sound=True)


def test_a_film_is_painted(velatura, film, files):
    done = velatura(
        *("video", "film.mp4", "starry_night", "-o", "out.mp4", "--end", "0.16", "--json"),
        *("--preview", "last.png"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == len(decoded(files / "out.mp4")) == 4
    assert "frame 4/4" in done.stderr
    with Image.open(files / "last.png") as preview:
        assert preview.size == (96, 64)


def test_what_is_no_film_is_told_in_one_line(velatura, files):
    (files / "empty.mp4").touch()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(files / "p.png")
    (files / "p.png").rename(files / "p.mp4")
    for name in ("empty.mp4", "p.mp4", "none.mp4"):
        done = velatura("video", name, "starry_night", "-o", "out.mp4")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith(f"velatura: {name}: expected")
    assert not list(files.glob("out*"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-o", "film.mp4"], "it is an input"),
        (["-o", "out.avi"], "ending in .mp4"),
        (["-o", "out.mp4", "--strength", "0:7"], "strength: expected numbers from 0 to 1"),
        (["-o", "out.mp4", "--start", "9"], "from 9 s on"),
        (["-o", "out.webm", "--codec", "h264"], "codec: expected one that .webm holds"),
    ],
)
def test_bad_options_are_told_in_one_line(velatura, film, files, arguments, why):
    done = velatura("video", "film.mp4", "starry_night", *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(files.glob("out*"))


def test_ctrl_c_leaves_a_film_that_plays(velatura, files):
    make_film(files / "long.mp4", panned(60))
    process = velatura.start("video", "long.mp4", "starry_night", "-o", "out.mp4")
    kept = files / "out.mp4.unfinished" / "00000001.png"
    while not kept.exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in told
    assert 1 <= len(decoded(files / "out.mp4")) < 60
