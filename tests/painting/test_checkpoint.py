import dataclasses
import re
from dataclasses import replace

import pytest
import torch

from velatura.errors import CheckpointError
from velatura.images import tensorfile
from velatura.painting import checkpoint
from velatura.painting.config import StyleConfig
from velatura.painting.engine import transfer


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("stop", [1, 3, 4, 5, 7])
def test_resume_gives_the_same_image(photograph, painting, tmp_path, optimizer, stop):
    config = StyleConfig(steps=(4, 4), optimizer=optimizer, init="noise", seed=5)
    *_, whole = transfer(photograph, [painting], config)
    for step in transfer(photograph, [painting], config):
        if step.number == stop:
            checkpoint.save(tmp_path / "state.safetensors", step.state())
            break
    state = checkpoint.load(tmp_path / "state.safetensors")
    *_, resumed = transfer(photograph, [painting], config, state=state)
    assert resumed.number == whole.number == 8
    assert torch.equal(resumed.latent, whole.latent)
    assert resumed.seconds > state.seconds


def test_a_resumed_painting_has_its_seconds_again(photograph, painting):
    config = StyleConfig(steps=(2, 2), max_seconds=1000)
    state = next(transfer(photograph, [painting], config)).state()
    state = dataclasses.replace(state, seconds=5000.0)
    *_, resumed = transfer(photograph, [painting], config, state=state)
    assert resumed.number == resumed.total == 4
    assert resumed.seconds > 5000


@pytest.mark.parametrize("content", [b"", b"no safetensors at all" * 10])
def test_a_damaged_checkpoint_is_told(tmp_path, content):
    path = tmp_path / "state.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="expected a checkpoint"):
        checkpoint.load(path)


def test_another_safetensors_file_is_told(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="expected a checkpoint"):
        checkpoint.load(tmp_path / "a.safetensors")


def damage(state, **changes):
    """`state` with some of its fields or of the optimiser's tensors (None: without) changed."""
    fields = {name: changes.pop(name) for name in ("number", "image") if name in changes}
    memory = {**state.optimizer, **changes}
    kept = {name: tensor for name, tensor in memory.items() if tensor is not None}
    return replace(state, optimizer=kept, **fields)


DAMAGES = {
    "more steps than there are": ({"number": 10**9}, "expected one of 4 steps"),
    "an image of another scale": ({"image": torch.zeros(1, 3, 32, 48)}, "(1, 3, 64, 96)"),
    "an image of one channel": ({"image": torch.zeros(1, 1, 64, 96)}, "(1, 3, 64, 96)"),
    "an image in half precision": ({"image": torch.zeros(1, 3, 64, 96).half()}, "float16"),
    "a difference of another shape": ({"s0": torch.zeros(3)}, "s0: expected float32 (1, 3, 64"),
    "a difference alone": ({"y0": None}, "y0: expected float32 (1, 3, 64, 96), got nothing"),
    "no scale": ({"gamma": None}, "gamma: expected float32 (), got nothing"),
    "no gradient": ({"gradient": None}, "gradient: expected float32"),
}


@pytest.fixture(scope="module")
def halfway(photograph, painting):
    """After three of four steps, and how it is painted."""
    config = StyleConfig(steps=(4,), single_scale=True)
    for step in transfer(photograph, [painting], config):
        if step.number == 3:
            return step.state(), config
    pytest.fail("it ended too early")


@pytest.mark.parametrize("changes, told", DAMAGES.values(), ids=DAMAGES)
def test_what_does_not_fit_the_painting_is_told(photograph, painting, halfway, changes, told):
    state, config = halfway
    with pytest.raises(CheckpointError, match=re.escape(told)):
        next(transfer(photograph, [painting], config, state=damage(state, **changes)))


def test_the_memory_of_another_optimiser_is_told(photograph, painting, halfway):
    state, config = halfway
    other = replace(config, optimizer="adam")
    with pytest.raises(CheckpointError, match="expected nothing, got float32"):
        next(transfer(photograph, [painting], other, state=state))


@pytest.mark.parametrize(
    "number, seconds", [(0, 1.0), (-(10**9), 1.0), (10**30, 1.0), ("3", 1.0), (3, "1"), (3, -1)]
)
def test_a_checkpoint_of_no_step_is_told(tmp_path, number, seconds):
    about = {"number": number, "seconds": seconds}
    tensorfile.write(tmp_path / "state", {"image": torch.zeros(1, 3, 64, 96)}, about)
    with pytest.raises(CheckpointError, match="expected a checkpoint"):
        checkpoint.load(tmp_path / "state")


def test_numbers_that_are_not_finite_are_told(tmp_path, halfway):
    state, _ = halfway
    image = state.image.clone()
    image[0, 0, 0, 0] = torch.nan
    checkpoint.save(tmp_path / "state", replace(state, image=image))
    with pytest.raises(CheckpointError, match="expected a checkpoint"):
        checkpoint.load(tmp_path / "state")
