import pytest

from velatura.painting.stages import first_pixels, plan
from velatura.perception.layers import geometry

LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_2", "relu5_1"]


def test_every_layer_is_asked_for_in_one_stage():
    stages = plan((400, 600), LAYERS)
    assert [stage.layers for stage in stages] == [
        ("relu1_1", "relu2_1"),
        ("relu3_1",),
        ("relu4_2", "relu5_1"),
    ]
    assert [(stage.start, stage.end) for stage in stages] == [
        (None, "pool2"),
        ("pool2", "pool3"),
        ("pool3", None),
    ]


@pytest.mark.parametrize("deepest", ["relu1_1", "pool2", "conv3_1", "pool5"])
def test_nothing_beyond_the_deepest_layer_is_seen(deepest):
    stages = plan((400, 600), ["relu1_1", deepest])
    assert deepest in stages[-1].layers
    assert stages[-1].end is None


def test_strides_are_counted_from_what_enters():
    first, second, third = plan((400, 600), LAYERS)
    assert first.stride("relu2_1") == 2
    assert second.stride("relu3_1") == 1
    assert third.stride("relu5_1") == geometry("relu5_1").stride // geometry("pool3").stride


def test_later_stages_see_more_of_the_image_at_once():
    counts = [len(stage.tiles) for stage in plan((3464, 5176), LAYERS, 600_000)]
    assert counts[0] > counts[1] >= counts[2] > 1


def test_windows_are_hardly_more_than_the_image():
    for stage in plan((3464, 5176), LAYERS, 600_000):
        seen = sum(
            (rows.window_stop - rows.window_start) * (columns.window_stop - columns.window_start)
            for rows, columns in stage.tiles
        )
        stride = geometry(stage.start).stride if stage.start else 1
        assert seen * stride**2 < 1.1 * 3464 * 5176


def test_kept_stages_and_a_window_fit_into_the_room():
    """Of 1000 × 1000 pixels: where there is less room the first stage sees less at once."""
    rooms = [100_000, 300_000, 600_000, 900_000]
    seen = [first_pixels(1_000_000, room) for room in rooms]
    assert seen == sorted(seen)
    for room, most in zip(rooms, seen, strict=True):
        stages = plan((1000, 1000), LAYERS, most)
        shares = [192 / 290, 64 / 290, 34 / 290]  # of all that the convolutions hold
        kept = sum(s for s, stage in zip(shares, stages, strict=True) if len(stage.tiles) == 1)
        windows = [
            max(
                (r.window_stop - r.window_start) * (c.window_stop - c.window_start)
                for r, c in tiles
            )
            * (geometry(stage.start).stride if stage.start else 1) ** 2
            * share
            for stage, share in zip(stages, shares, strict=True)
            if len(tiles := stage.tiles) > 1
        ]
        assert kept * 1_000_000 + max(windows) < 1.05 * room
