import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from velatura.errors import WeightsError
from velatura.images import tensorfile
from velatura.training import modelfile


def test_a_model_describes_itself_and_comes_back(tmp_path):
    network = nn.Linear(3, 2)
    modelfile.save(tmp_path / "m", network, {"architecture": "a-1", "painting": "Ünïcode"})
    assert modelfile.read_card(tmp_path / "m")["painting"] == "Ünïcode"
    other = nn.Linear(3, 2)
    card = modelfile.load(tmp_path / "m", other, "a-1")
    assert card["architecture"] == "a-1"
    assert torch.equal(other.weight, network.weight.half().float())


def test_what_is_no_model_is_told(tmp_path):
    network = nn.Linear(3, 2)
    (tmp_path / "text").write_text("no model")
    with pytest.raises(WeightsError, match="expected a model file"):
        modelfile.load(tmp_path / "text", network, "a-1")
    with pytest.raises(WeightsError, match="expected a model file"):
        modelfile.load(tmp_path / "missing", network, "a-1")
    modelfile.save(tmp_path / "b", network, {"architecture": "b-1"})
    with pytest.raises(WeightsError, match="architecture a-1, got b-1"):
        modelfile.load(tmp_path / "b", network, "a-1")
    tensorfile.write(tmp_path / "c", {"weight": torch.zeros(2, 3)}, {"architecture": "a-1"})
    with pytest.raises(WeightsError, match="damaged"):
        modelfile.load(tmp_path / "c", network, "a-1")
    whole = (tmp_path / "b").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-4])
    with pytest.raises(WeightsError):
        modelfile.load(tmp_path / "cut", network, "b-1")


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    network = nn.Linear(3, 2)
    with torch.no_grad():
        network.weight[0, 0] = torch.nan
    modelfile.save(tmp_path / "m", network, {"architecture": "a-1"})
    with pytest.raises(WeightsError, match="not finite"):
        modelfile.load(tmp_path / "m", nn.Linear(3, 2), "a-1")


def test_a_card_of_brackets_in_brackets_is_refused(tmp_path):
    deep = "[" * 100_000
    save_file({"weight": torch.zeros(2, 3)}, tmp_path / "m", metadata={tensorfile.KEY: deep})
    with pytest.raises(WeightsError, match="expected a model file"):
        modelfile.read_card(tmp_path / "m")


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.int64, torch.float8_e4m3fn, torch.complex64]
)
def test_numbers_of_another_type_are_refused(tmp_path, dtype):
    tensors = {"weight": torch.ones(2, 3).to(dtype), "bias": torch.zeros(2)}
    save_file(tensors, tmp_path / "m", metadata={tensorfile.KEY: '{"architecture": "a-1"}'})
    with pytest.raises(WeightsError, match="weight: expected"):
        modelfile.load(tmp_path / "m", nn.Linear(3, 2), "a-1")


@pytest.mark.parametrize("architecture", [None, 5, ["a-1"], {"a-1": 1}])
def test_an_architecture_that_is_no_text_is_refused(tmp_path, architecture):
    tensorfile.write(tmp_path / "m", {"weight": torch.ones(1)}, {"architecture": architecture})
    with pytest.raises(WeightsError, match="architecture: expected str"):
        modelfile.read_card(tmp_path / "m")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="expected a file"):
        modelfile.read_card(tmp_path / "pipe")
