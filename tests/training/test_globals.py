"""What belongs to the caller: random numbers and PyTorch's mode."""

import random

import numpy as np
import pytest
import torch

from velatura.fast.network import StyleNetwork
from velatura.fast.options import TrainingOptions
from velatura.fast.training import train_styles
from velatura.images.io import read
from velatura.painting.config import StyleConfig
from velatura.painting.engine import transfer
from velatura.superres.network import UpscaleNetwork
from velatura.superres.options import UpscaleTrainingOptions
from velatura.superres.training import train_upscaler
from velatura.training.photographs import find

SHALLOW = {"relu1_1": 1.0}
STYLE = TrainingOptions(
    steps=2, batch=1, crop=64, size=64, content_layers=SHALLOW, style_layers=SHALLOW
)
UPSCALE = UpscaleTrainingOptions(
    steps=2, batch=1, crop=16, loss="features", feature_layers={"conv1_1": 1.0}, jpeg=50, blur=1.0
)


@pytest.fixture
def work(tmp_path, photograph, painting):
    """All that draws random numbers, each a function that does a little of it."""
    photograph.resize((160, 120)).save(tmp_path / "photo.png")
    paths = find([tmp_path])
    config = StyleConfig(init="noise", steps=(1,), content_layers={}, style_layers=SHALLOW)
    return {
        "a painting": lambda: [*transfer(photograph, painting, config)],
        "a style": lambda: [*train_styles([read(painting).pixels], paths, STYLE)],
        "an upscaler": lambda: [*train_upscaler(paths, UPSCALE)],
        "networks": lambda: (StyleNetwork(), UpscaleNetwork()),
    }


@pytest.mark.parametrize("name", ["a painting", "a style", "an upscaler", "networks"])
def test_the_callers_random_numbers_go_on_as_if_nothing_had_been(work, name):
    def drawn():
        return torch.rand(3).tolist(), random.random(), np.random.rand()

    drawn()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    expected = drawn()
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    np.random.set_state(states[2])
    work[name]()
    assert drawn() == expected


@pytest.mark.parametrize("name", ["a style", "an upscaler"])
def test_the_same_seed_gives_the_same_training_whatever_the_caller_drew(work, name):
    one = work[name]()[-1].network.state_dict()
    torch.rand(7)
    other = work[name]()[-1].network.state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_another_seed_gives_other_first_parameters():
    for network in (StyleNetwork, UpscaleNetwork):
        one, same, other = (next(network(seed).parameters()) for seed in (1, 1, 2))
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ["a style", "an upscaler"])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_trainings_learn_in_any_mode_of_the_callers(work, name, mode):
    expected = work[name]()[-1].network.state_dict()
    with mode():
        found = work[name]()[-1].network.state_dict()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
