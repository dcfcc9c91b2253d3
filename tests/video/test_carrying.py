import numpy as np
import pytest

from velatura.video.carrying import Memory, detail, moved, with_detail
from velatura.video.reading import Frame

from .films import panned, texture


def frames(pixels):
    return [Frame(k, k, k / 25, image, None) for k, image in enumerate(pixels)]


def test_a_shot_begins_without_earlier_frames():
    two_shots = [*panned(3), *([texture(seed=7)] * 3)]
    starts = [not one.motions for one in moved(frames(two_shots))]
    assert starts == [True, False, False, True, False, False]


def test_what_was_hidden_comes_back_as_it_was():
    ground = texture()
    hidden = ground.copy()
    hidden[20:44, 30:60] = texture(24, 30, seed=5)
    memory, painted = Memory(), []
    for number, (frame, motions) in enumerate(moved(frames([ground, hidden, hidden, ground] * 2))):
        carried = memory.carried(motions)
        painted.append(np.full((64, 96, 3), 10 * number, np.uint8))
        if number == 4:  # as 0 and 3 were; 1 and 2 hid what is in the middle
            assert carried.weights[28:36, 40:50].mean() > 0.9
        if number == 3:
            assert frame.number == 3
            assert carried.weights[28:36, 40:50].mean() < 0.5  # three frames ago is not looked at
        memory.add(painted[-1])


def test_carrying_moves_what_was_painted():
    memory, now = Memory(), list(moved(frames(panned(2, step=4))))
    assert memory.carried(now[0].motions) is None
    painted = panned(2, step=4)[0]
    memory.add(painted)
    carried = memory.carried(now[1].motions)
    inside = (slice(8, -8), slice(8, -16))
    wanted = panned(2, step=4)[1][inside] / 255
    assert np.abs(carried.image[inside] - wanted).mean() < 0.02
    assert np.median(carried.speed[inside]) == pytest.approx(4, abs=0.3)


def test_a_still_frame_is_carried_without_any_change():
    memory = Memory()
    still = texture()
    for _, motions in moved(frames([still] * 5)):
        carried = memory.carried(motions)
        if carried:
            assert np.array_equal(np.rint(carried.image * 255), still)
        memory.add(still)


def test_detail_is_given_back():
    import cv2

    sharp = texture().astype(np.float32) / 255
    blurred = cv2.GaussianBlur(sharp, (0, 0), 0.8)
    again = with_detail(blurred, detail(sharp))
    assert detail(blurred).mean() < 0.82 * detail(sharp).mean() < detail(again).mean()
