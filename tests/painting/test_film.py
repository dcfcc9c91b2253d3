import json

import numpy as np
import pytest
from PIL import Image

from velatura import ImageError, MissingDependencyError, StyleConfig, transfer
from velatura.painting import film
from velatura.painting.film import Film


@pytest.fixture(scope="module")
def steps(photograph, painting):
    config = StyleConfig(steps=(10, 8), precision="fp32", init="noise", palette="photograph")
    return list(transfer(photograph, painting, config))


@pytest.fixture(scope="module")
def recorded(steps):
    recorded = Film()
    for step in steps:
        recorded.add(step)
    return recorded


def test_frames_begin_and_end_where_the_painting_does(recorded):
    frames = recorded.frames(5)
    assert frames[0] is recorded.images[0]
    assert frames[-1] is recorded.images[-1]
    assert len(frames) <= 7


def test_frames_are_evenly_spaced_in_change(recorded):
    """More of the early steps, which change much, than of the late ones."""
    chosen = [recorded.images.index(frame) for frame in recorded.frames(6)]
    travelled = np.diff([recorded.travelled[k] for k in chosen])
    every = np.diff(recorded.travelled[:: len(recorded.travelled) // 5])
    assert travelled.std() / travelled.mean() < every.std() / every.mean()


def test_long_paintings_keep_few_frames(steps, monkeypatch):
    monkeypatch.setattr(film, "KEPT", 6)
    recorded = Film()
    for step in steps:
        recorded.add(step)
        assert len(recorded.images) <= 6
    assert recorded.images[-1].tobytes() == _image(steps[-1]).tobytes()


def _image(step):
    alone = Film()
    alone.add(step)
    return alone.images[0]


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_animations_can_be_played(recorded, tmp_path, ending):
    film.write_film(tmp_path / f"film.{ending}", recorded)
    with Image.open(tmp_path / f"film.{ending}") as animation:
        assert animation.n_frames > 3
        assert animation.size == (96, 64)


def test_mp4_can_be_played(recorded, tmp_path):
    import av

    film.write_film(tmp_path / "film.mp4", recorded)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    assert len(frames) > film.FRAMES_PER_SECOND
    assert frames[0].size == (96, 64)
    difference = np.asarray(frames[-1], float) - np.asarray(recorded.images[-1], float)
    assert np.abs(difference).mean() < 12


def test_a_loss_line_is_json_with_every_term(steps):
    line = json.loads(film.loss_line(steps[0]))
    assert line["step"] == 1
    assert line["size"] == [48, 32] or line["size"] == [96, 64]
    assert line["loss"] == pytest.approx(sum(line["losses"].values()))


def test_the_plot_is_a_picture(steps, tmp_path):
    film.write_plot(tmp_path / "plot.png", [film.loss_line(step) for step in steps])
    with Image.open(tmp_path / "plot.png") as plot:
        assert min(plot.size) > 400


def test_a_scale_may_lack_a_term_of_another(steps, tmp_path):
    lines = [json.loads(film.loss_line(step)) for step in steps]
    del lines[0]["losses"]["style relu4_1"]
    lines[-1]["losses"] = {"style relu1_1": 1.0, "neighbors relu9_9": 0.5}
    film.write_plot(tmp_path / "plot.png", [json.dumps(line) for line in lines])
    with Image.open(tmp_path / "plot.png") as plot:
        assert min(plot.size) > 400


def test_the_strip_shows_a_few_frames(recorded):
    picture = film.strip(recorded)
    assert picture.height == 64
    assert picture.width > 4 * 96


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"film's name ending in \.mp4, \.gif, \.webp"):
        film.check_film(tmp_path / "film.avi")


def test_missing_extras_are_told(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"pip install velatura\[film\]"):
        film.check_film(tmp_path / "film.mp4")
    with pytest.raises(MissingDependencyError, match=r"pip install velatura\[film\]"):
        film.check_plot()
