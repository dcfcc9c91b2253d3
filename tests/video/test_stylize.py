import numpy as np
import pytest

import velatura
from velatura import StyleConfig, VideoOptions, stylize_frames, stylize_video
from velatura.errors import ConfigError, ImageError
from velatura.video import kept

from .films import decoded, make_film, packets, panned, texture

STYLE = "starry_night"


@pytest.fixture
def film(tmp_path):
    return make_film(tmp_path / "film.mp4", panned(10), sound=True)


def difference(one, other):
    return np.abs(np.asarray(one, float) - np.asarray(other, float)).mean()


def test_a_film_is_painted_with_its_sound(film, tmp_path):
    result = stylize_video(film, STYLE, tmp_path / "out.mp4")
    assert (result.frames, result.interrupted, result.notes) == (10, False, ())
    painted = decoded(tmp_path / "out.mp4")
    assert len(painted) == 10
    assert difference(painted[5], decoded(film)[5]) > 20
    assert packets(tmp_path / "out.mp4", "audio") == packets(film, "audio")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.mp4", "out.mp4"]


def test_a_still_picture_stays_as_it_is(tmp_path):
    still = make_film(tmp_path / "film.mkv", [texture()] * 30, codec="ffv1", layout="bgr0")
    frames = [frame.image for frame in stylize_frames(still, STYLE)]
    assert difference(frames[-1], frames[1]) < 1


def test_frames_are_steadier_than_each_painted_by_itself(film):
    from velatura.video.flow import motion, warp

    given = decoded(film)

    def flicker(steadiness):
        options = VideoOptions(steadiness=steadiness)
        frames = [np.array(f.image, np.float32) for f in stylize_frames(film, STYLE, None, options)]
        errors = []
        for k in range(3, 10):
            found = motion(given[k], given[k - 1])
            error = np.square(frames[k] - warp(frames[k - 1], found.flow)).mean(-1)
            errors.append((found.weights * error).sum() / found.weights.sum())
        return np.mean(errors) ** 0.5

    assert flicker(1.0) < 0.5 * flicker(0.0)


def test_optimised_frames_begin_with_the_last_one(film, painting):
    config = StyleConfig(steps=(6,), precision="fp32")
    options = VideoOptions(size=64, end=0.12, frame_steps=2)
    steps = []
    frames = list(stylize_frames(film, painting, config, options, on_step=steps.append))
    assert [frame.starts for frame in frames] == [True, False, False]
    assert len(steps) == 6  # of the first frame alone
    assert [frame.image.size for frame in frames] == [(64, 43)] * 3
    assert 1 < difference(frames[1].image, frames[0].image) < 40


def assert_same_film(one, other):
    """Sums of floats may differ in their last bit, and the coder's choices with them."""
    for frame, expected in zip(decoded(one), decoded(other), strict=True):
        assert difference(frame, expected) < 1


def stopped_at(number):
    def on_frame(painted):
        if painted.number == number:
            raise KeyboardInterrupt

    return on_frame


def test_interrupted_it_leaves_a_film_that_plays_and_goes_on(film, tmp_path):
    result = stylize_video(film, STYLE, tmp_path / "out.mp4", on_frame=stopped_at(4))
    assert result.interrupted
    assert len(decoded(tmp_path / "out.mp4")) == 5
    assert len(packets(tmp_path / "out.mp4", "audio")) < len(packets(film, "audio"))
    seen = []
    stylize_video(film, STYLE, tmp_path / "out.mp4", on_frame=seen.append)
    assert [frame.kept for frame in seen] == [True] * 5 + [False] * 5
    stylize_video(film, STYLE, tmp_path / "whole.mp4")
    assert_same_film(tmp_path / "out.mp4", tmp_path / "whole.mp4")
    assert packets(tmp_path / "out.mp4", "audio") == packets(film, "audio")


def test_killed_it_goes_on_with_the_same_bytes(film, tmp_path):
    options = VideoOptions(size=48, end=0.24, frame_steps=2)
    config = StyleConfig(steps=(4,), precision="fp32", memory="2GB")
    style = texture(48, 48, seed=3)
    stylize_video(film, style, tmp_path / "whole.mp4", config, options)

    def kill(painted):
        if painted.number == 2:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        stylize_video(film, style, tmp_path / "out.mp4", config, options, on_frame=kill)
    assert not (tmp_path / "out.mp4").exists()
    assert len(list((tmp_path / "out.mp4.unfinished").glob("*.png"))) == 3
    stylize_video(film, style, tmp_path / "out.mp4", config, options)
    assert_same_film(tmp_path / "out.mp4", tmp_path / "whole.mp4")


def test_frames_of_another_job_are_not_mixed_in(film, tmp_path):
    stylize_video(film, STYLE, tmp_path / "out.mp4", on_frame=stopped_at(2))
    with pytest.raises(ConfigError, match="holds the frames of another job"):
        stylize_video(film, "the_scream", tmp_path / "out.mp4")
    (tmp_path / "out.mp4.unfinished" / kept.JOB).write_text("[]")
    with pytest.raises(ConfigError, match="holds the frames of another job"):
        stylize_video(film, STYLE, tmp_path / "out.mp4")


def test_strength_changes_over_time(film):
    options = VideoOptions(strength="0:0,0.36s:1")
    frames = [frame.image for frame in stylize_frames(film, STYLE, None, options)]
    given = decoded(film)
    apart = [difference(frame, wanted) for frame, wanted in zip(frames, given, strict=True)]
    assert apart[0] < 2
    assert apart == sorted(apart)


def test_styles_and_blends_have_to_fit(film, tmp_path, painting):
    with pytest.raises(ConfigError, match="one style in one pass"):
        stylize_video(film, [STYLE, painting], tmp_path / "a.mp4")
    with pytest.raises(ConfigError, match="blend: expected 1 weights"):
        stylize_video(film, painting, tmp_path / "a.mp4", None, VideoOptions(blend="1:2"))


def test_nothing_is_left_of_what_cannot_begin(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no film")
    with pytest.raises(ImageError):
        stylize_video(tmp_path / "film.mp4", STYLE, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_it_is_public():
    assert velatura.stylize_video is stylize_video
