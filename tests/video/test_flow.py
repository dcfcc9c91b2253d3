import numpy as np
import pytest

from velatura.video.flow import is_cut, motion, warp

from .films import panned, texture


def test_flow_leads_back_to_where_things_were():
    before, now = panned(2, step=3)
    found = motion(now, before)
    inside = found.flow[8:-8, 8:-12]
    assert np.median(inside[..., 0]) == pytest.approx(3, abs=0.3)
    assert np.median(inside[..., 1]) == pytest.approx(0, abs=0.3)
    carried = warp(before.astype(np.float32), found.flow)
    assert np.abs(carried - now)[8:-8, 8:-12].mean() < 3
    assert found.weights[8:-8, 8:-12].mean() > 0.9


def test_what_comes_into_the_frame_does_not_hold():
    before, now = panned(2, step=8)
    assert motion(now, before).weights[8:-8, -6:].max() < 0.5


def test_what_appears_does_not_hold():
    before, now = texture(), texture().copy()
    now[20:40, 30:60] = 255 - now[20:40, 30:60]
    weights = motion(now, before).weights
    assert weights[24:36, 36:54].mean() < 0.1
    assert weights[:10].mean() > 0.9


def test_a_frame_that_is_the_same_has_not_moved():
    found = motion(texture(), texture())
    assert not found.flow.any()
    assert found.weights[2:-2, 2:-2].min() > 0.99


def test_noise_before_a_still_camera_is_no_movement():
    generator = np.random.default_rng(0)
    frames = [
        (texture() + generator.normal(0, 1.5, (64, 96, 3))).clip(0, 255).astype(np.uint8)
        for _ in range(2)
    ]
    assert not np.median(np.abs(motion(*frames).flow))


def test_another_shot_is_told():
    assert is_cut(motion(texture(seed=1), texture(seed=2)))
    assert not is_cut(motion(*reversed(panned(2))))
