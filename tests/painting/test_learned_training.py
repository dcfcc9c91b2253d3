import dataclasses

import pytest
import torch

from velatura.errors import ConfigError
from velatura.painting import learned_training
from velatura.painting.learned import UpdateNetwork
from velatura.painting.learned_options import UpdateTrainingOptions
from velatura.painting.learned_training import SEGMENTS, Stage, Task, train_updates
from velatura.training.photographs import find

QUICK = UpdateTrainingOptions(steps=3, batch=1, crop=32, looks=1, precision="fp32")


@pytest.fixture
def pictures(tmp_path, photograph, painting):
    for name, picture in (("photographs", photograph), ("paintings", painting)):
        (tmp_path / name).mkdir()
        for number in range(2):
            picture.rotate(180 * number).save(tmp_path / name / f"{number}.png")
    return find([tmp_path / "photographs"]), find([tmp_path / "paintings"])


@pytest.fixture
def one_stage(monkeypatch):
    """The last scale alone, which is quick."""
    monkeypatch.setattr(learned_training, "STAGES", (Stage(512, True, True, (64, 64), 1.0),))


def test_losses_fall_sooner_after_some_training(pictures, one_stage):
    network = UpdateNetwork()
    task = Task(network, *pictures, QUICK)
    task.judge(network)
    by_lbfgs = task.sought["lbfgs 2"]
    assert task.sought["learned 2"] == pytest.approx(by_lbfgs, abs=1e-4)
    options = dataclasses.replace(QUICK, steps=15, looks=2, learning_rate=0.003)
    *_, last = train_updates(*pictures, options, network)
    assert last.sought["learned 2"] < 0.99 * by_lbfgs


def test_going_on_gives_the_same_network(pictures, monkeypatch):
    first = Stage(512, True, False, (64, 64), 0.5)
    stages = (first, first._replace(first=False, last=True))
    monkeypatch.setattr(learned_training, "STAGES", stages)
    *_, whole = train_updates(*pictures, QUICK)
    for step in train_updates(*pictures, QUICK):
        if step.number == 2:
            state = step.state()
            break
    *_, resumed = train_updates(*pictures, QUICK, state=state)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor), name


@pytest.mark.parametrize("steepness", [1e-6, 1e6])
def test_each_picture_weighs_the_same(pictures, one_stage, steepness):
    network = UpdateNetwork()
    task = Task(network, *pictures, QUICK)
    task._add(steepness * sum(p.sum() for p in network.parameters()))
    norm = sum(float(p.grad.square().sum()) for p in network.parameters()) ** 0.5
    assert norm == pytest.approx(1 / SEGMENTS, rel=1e-4)


def test_crops_have_positions_at_the_deepest_layer_at_half_their_size():
    with pytest.raises(ConfigError, match="multiple of 32"):
        UpdateTrainingOptions(crop=40)
