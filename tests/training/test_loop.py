import pytest
import torch
from torch import nn

from velatura.errors import CheckpointError, DivergenceError
from velatura.images import tensorfile
from velatura.training import loop


class Doubling:
    """Learn to double a number."""

    def __init__(self, network, wrong=False):
        self.network, self.wrong, self.sought = network, wrong, {"steps taken": 0.0}

    def __call__(self, number):
        generator = torch.Generator().manual_seed(number)
        x = torch.randn(16, 1, generator=generator)
        loss = (self.network(x) - 2 * x).square().mean()
        loss.backward()
        self.sought["steps taken"] += 1
        return {"error": float("nan") if self.wrong else loss.item()}

    def judge(self, network):
        return abs(float(network.weight) - 2)


def linear():
    torch.manual_seed(0)
    return nn.Linear(1, 1)


def test_it_learns_and_the_average_is_the_network_to_use():
    network = linear()
    *_, last = loop.train(network, Doubling(network), 300, 0.1)
    assert last.number == last.total == 300
    assert float(last.network.weight) == pytest.approx(2.0, abs=0.05)
    assert float(last.network.bias) == pytest.approx(0.0, abs=0.05)
    assert last.held_out == pytest.approx(abs(float(last.network.weight) - 2))


def test_going_on_gives_the_same_network_bit_for_bit(tmp_path):
    whole = linear()
    *_, uninterrupted = loop.train(whole, Doubling(whole), 30, 0.1)
    first = linear()
    for step in loop.train(first, Doubling(first), 30, 0.1):
        if step.number == 11:
            loop.save(tmp_path / "state", step.state(), {"a": 1})
            break
    state = loop.load(tmp_path / "state", {"a": 1})
    second = linear()
    *_, resumed = loop.train(second, Doubling(second), 30, 0.1, state=state)
    assert resumed.sought == uninterrupted.sought == {"steps taken": 30.0}
    for one, other in zip(
        uninterrupted.network.parameters(), resumed.network.parameters(), strict=True
    ):
        assert torch.equal(one, other)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.parameters(), second.parameters(), strict=True)
    )


def test_another_trainings_state_is_refused(tmp_path):
    network = linear()
    step = next(loop.train(network, Doubling(network), 3, 0.1))
    loop.save(tmp_path / "state", step.state(), {"a": 1})
    with pytest.raises(CheckpointError, match="got one with others"):
        loop.load(tmp_path / "state", {"a": 2})
    (tmp_path / "other").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="expected an unfinished training"):
        loop.load(tmp_path / "other", {})


def test_a_loss_that_is_no_number_ends_the_training():
    network = linear()
    with pytest.raises(DivergenceError, match="diverged at step 1"):
        next(loop.train(network, Doubling(network, wrong=True), 3, 0.1))


@pytest.mark.parametrize("name", ["model.weight", "average.bias", "sought.steps taken"])
@pytest.mark.parametrize("tensor", [None, torch.zeros(7)], ids=["missing", "another shape"])
def test_a_state_that_does_not_fit_is_told(name, tensor):
    network = linear()
    state = next(loop.train(network, Doubling(network), 3, 0.1)).state()
    tensors = {key: value for key, value in state.tensors.items() if key != name}
    if tensor is not None:
        tensors[name] = tensor
    damaged = loop.Progress(state.number, state.seconds, tensors)
    with pytest.raises(CheckpointError, match=f"expected {name} of"):
        next(loop.train(network, Doubling(network), 3, 0.1, state=damaged))


@pytest.mark.parametrize("number", [0, -(10**9), "1", True, None])
def test_a_state_of_no_step_is_told(tmp_path, number):
    about = {"number": number, "seconds": 1.0, "about": {}}
    tensorfile.write(tmp_path / "state", {"a": torch.zeros(1)}, about)
    with pytest.raises(CheckpointError, match="expected an unfinished training"):
        loop.load(tmp_path / "state", {})
