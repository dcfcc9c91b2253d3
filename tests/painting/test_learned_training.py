import dataclasses

import pytest
import torch

from velatura.errors import ConfigError
from velatura.painting.learned import UpdateNetwork
from velatura.painting.learned_options import UpdateTrainingOptions
from velatura.painting.learned_training import JUDGED_AT, Lesson, train_updates
from velatura.training.photographs import find

QUICK = UpdateTrainingOptions(steps=3, batch=1, crop=32, looks=1, precision="fp32")


@pytest.fixture
def pictures(tmp_path, photograph, painting):
    for name, picture in (("photographs", photograph), ("paintings", painting)):
        (tmp_path / name).mkdir()
        for number in range(2):
            picture.rotate(180 * number).save(tmp_path / name / f"{number}.png")
    return find([tmp_path / "photographs"]), find([tmp_path / "paintings"])


def test_losses_fall_sooner_after_some_training(pictures):
    untrained = Lesson(UpdateNetwork(), *pictures, QUICK).judge(UpdateNetwork())
    options = dataclasses.replace(QUICK, steps=25, looks=2, learning_rate=0.003)
    *_, last = train_updates(*pictures, options)
    assert last.held_out < 0.99 * untrained
    assert set(last.sought) == {f"{kind} {n}" for kind in ("learned", "lbfgs") for n in JUDGED_AT}


def test_going_on_gives_the_same_network(pictures):
    *_, whole = train_updates(*pictures, QUICK)
    for step in train_updates(*pictures, QUICK):
        if step.number == 2:
            state = step.state()
            break
    *_, resumed = train_updates(*pictures, QUICK, state=state)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor), name


def test_each_picture_weighs_the_same(pictures):
    """However steep its loss is."""
    network = UpdateNetwork()
    lesson = Lesson(network, *pictures, QUICK)
    for number in range(4):
        network.zero_grad()
        lesson(number)
        norm = sum(float(p.grad.square().sum()) for p in network.parameters()) ** 0.5
        assert norm == pytest.approx(1, rel=1e-4)


def test_crops_have_positions_at_the_deepest_layer_at_half_their_size():
    with pytest.raises(ConfigError, match="multiple of 32"):
        UpdateTrainingOptions(crop=40)
