import pytest

from velatura.errors import ConfigError
from velatura.video.options import VideoOptions


def test_values_change_linearly_between_their_times():
    strengths = VideoOptions(strength="0:0.2,4s:0.8").strengths
    assert strengths.at(-1) == strengths.at(0) == (0.2,)
    assert strengths.at(1) == pytest.approx((0.35,))
    assert strengths.at(4) == strengths.at(100) == (0.8,)


def test_one_value_holds_for_the_whole_film():
    assert VideoOptions(strength="0.4").strengths.at(7) == (0.4,)
    assert VideoOptions(blend="1:3").blends.at(7) == (1, 3)
    assert VideoOptions().strengths.at(7) == ()


def test_blends_change_too():
    assert VideoOptions(blend="0=1:0,2s=0:1").blends.at(1) == (0.5, 0.5)


@pytest.mark.parametrize(
    "options",
    [
        {"strength": "0:2"},
        {"strength": "a"},
        {"strength": "1:0.2,0:0.4"},
        {"strength": "0:nan"},
        {"blend": "0=1:0,1=1"},
        {"blend": "0:0"},
        {"start": -1.0},
        {"start": 2.0, "end": 1.0},
        {"fps": 0.0},
        {"quality": 101},
        {"steadiness": 1.5},
        {"frame_steps": 0},
    ],
)
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(ConfigError, match=next(reversed(options)).replace("_", "-")):
        VideoOptions(**options)
