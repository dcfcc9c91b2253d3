import dataclasses

import pytest
import torch

from velatura.errors import ConfigError, ImageError
from velatura.fast import training
from velatura.fast.network import StyleNetwork
from velatura.fast.options import TrainingOptions
from velatura.fast.training import train_styles
from velatura.images.io import read
from velatura.training.photographs import find

QUICK = TrainingOptions(
    steps=12,
    batch=1,
    crop=64,
    size=96,
    content_layers={"relu2_1": 1.0},
    style_layers={"relu1_1": 1.0, "relu2_1": 1.0},
    precision="fp32",
)


@pytest.fixture
def photographs(tmp_path, photograph):
    for number in range(3):
        photograph.resize((128, 96)).rotate(180 * number).save(tmp_path / f"{number}.png")
    return find([tmp_path])


def test_what_is_held_out_is_painted_better(photographs, painting):
    steps = list(train_styles([read(painting).pixels], photographs, QUICK))
    before = next(train_styles([read(painting).pixels], photographs, QUICK))
    assert [step.number for step in steps] == list(range(1, 13))
    assert steps[-1].held_out is not None
    assert steps[-1].loss < before.loss


def test_going_on_gives_the_same_network(photographs, painting):
    pixels = read(painting).pixels
    *_, whole = train_styles([pixels], photographs, QUICK)
    for step in train_styles([pixels], photographs, QUICK):
        if step.number == 5:
            state = step.state()
            break
    *_, resumed = train_styles([pixels], photographs, QUICK, state=state)
    assert resumed.sought == whole.sought
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor), name


def test_more_content_given_up_than_asked_makes_it_weigh_more(photographs, painting):
    weights = []
    for strength in (0.001, 0.999):
        options = dataclasses.replace(QUICK, strength=strength)
        first = next(train_styles([read(painting).pixels], photographs, options))
        weights.append(first.sought["content weight 1"])
    assert weights[0] > training.CONTENT_WEIGHT > weights[1]


def test_styles_trained_together_share_convolutions_and_nothing_else(photographs, painting):
    pixels = read(painting).pixels
    paintings = [pixels, 1 - pixels.flip(1)]
    *_, last = train_styles(paintings, photographs, dataclasses.replace(QUICK, steps=4))
    assert last.total == 8
    one, other = last.network
    assert one.block2a_kernel is other.block2a_kernel
    assert not torch.equal(one.block2a_scale, other.block2a_scale)
    assert not torch.equal(one.up1_bias, other.up1_bias)
    assert not torch.equal(one.palette_mean, other.palette_mean)
    assert last.sought["content weight 1"] != last.sought["content weight 2"]


def test_styles_trained_together_go_on_from_their_state(photographs, painting):
    paintings = [read(painting).pixels, read(painting).pixels.flip(1)]
    options = dataclasses.replace(QUICK, steps=3)
    *_, whole = train_styles(paintings, photographs, options)
    for step in train_styles(paintings, photographs, options):
        if step.number == 1:  # the other has had no turn yet
            state = step.state()
            break
    *_, resumed = train_styles(paintings, photographs, options, state=state)
    assert resumed.sought == whole.sought
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor), name


def test_it_begins_with_a_network_that_is_given(photographs, painting):
    start = StyleNetwork(5)
    kernel = start.down1_kernel.detach().clone()
    first = next(train_styles([read(painting).pixels], photographs, QUICK, start))
    assert float((first.network[0].down1_kernel - kernel).abs().max()) < 0.01
    assert not torch.equal(first.network[0].palette_mean, torch.full((3,), 0.5))


def test_photographs_that_cannot_be_read_are_told(tmp_path, painting):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="none of 1 files"):
        next(train_styles([read(painting).pixels], find([tmp_path]), QUICK))


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"batch": 0},
        {"crop": 8},
        {"strength": 1.0},
        {"learning_rate": 0},
        {"steadiness": -1},
        {"style_layers": {}},
        {"content_layers": {"relu9_1": 1.0}},
        {"style_loss": "best"},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="expected"):
        TrainingOptions(**options)
