import dataclasses

import pytest
import torch

from velatura.errors import ImageError
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
    with pytest.raises(ImageError, match="expected a checkpoint"):
        checkpoint.load(path)


def test_another_safetensors_file_is_told(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ImageError, match="expected a checkpoint"):
        checkpoint.load(tmp_path / "a.safetensors")
