"""Mutated model files give the right network or one error that names the file."""

import numpy as np
import onnx
import pytest
import torch
from hypothesis import assume
from PIL import Image
from safetensors.torch import save_file
from tests.crafted.mutated import examples, for_all, mutated, outcome
from torch import nn

from velatura.errors import ImageError, WeightsError
from velatura.fast.onnx_backend import OnnxPainter
from velatura.perception import weights
from velatura.training import modelfile


def names_the_file(told, path):
    return path.name in told and "\n" not in told and len(told) < 1000


@examples
def test_a_model_is_the_one_that_was_written_or_refused(tmp_path, examples):
    network = nn.Linear(3, 2)
    path = tmp_path / "model.safetensors"
    modelfile.save(path, network, {"architecture": "a-1", "painting": "Ünïcode", "steps": 5})
    card = modelfile.load(path, network, "a-1")
    whole = path.read_bytes()

    def promise(content):
        # Without its name the checksum is not there, as in models of before.
        assume(b'"crc32":"' in content)
        path.write_bytes(content)
        made = nn.Linear(3, 2)
        found, told = outcome(lambda: modelfile.load(path, made, "a-1"), WeightsError)
        if told:
            assert names_the_file(told, path)
            return
        assert found == card
        assert torch.equal(made.weight, network.weight)
        assert torch.equal(made.bias, network.bias)

    words = [b"velatura", b"a-1", b"F16", b"[2,3]", b"[0,4]", b"weight", b"\\xc3", b"__metadata__"]
    for_all(mutated(whole, words), examples, promise)


@examples
def test_a_model_without_a_checksum_is_whole_or_refused(tmp_path, examples):
    path = tmp_path / "model.safetensors"
    tensors = {"weight": torch.rand(2, 3).half(), "bias": torch.rand(2).half()}
    save_file(tensors, path, metadata={"velatura": '{"architecture": "a-1"}'})

    def promise(content):
        path.write_bytes(content)
        made = nn.Linear(3, 2)
        _, told = outcome(lambda: modelfile.load(path, made, "a-1"), WeightsError)
        if told:
            assert names_the_file(told, path)
            return
        assert all(torch.isfinite(parameter).all() for parameter in made.parameters())

    for_all(mutated(path.read_bytes(), [b"F16", b"[2,3]", b"weight"]), examples, promise)


def torch_file(state, path):
    torch.save(state, path)


def old_torch_file(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [torch_file, old_torch_file, save_file])
@examples
def test_weights_of_another_network_are_refused_whatever_else_they_are(tmp_path, write, examples):
    path = tmp_path / "weights.pth"
    write({"features.0.weight": torch.rand(64, 3, 3, 3)[:2].clone()}, path)

    def promise(content):
        path.write_bytes(content)
        with pytest.raises(WeightsError) as raised:
            weights.load(str(path))
        assert names_the_file(str(raised.value), path)

    words = [b"FloatStorage", b"_rebuild_tensor_v2", b"features.0.weight", b"storage", b"cpu"]
    for_all(mutated(path.read_bytes(), words), examples, promise)


@examples
def test_an_onnx_file_paints_a_picture_or_is_refused(tmp_path, examples, capfd):
    value = onnx.helper.make_tensor_value_info
    shape = [1, 3, "height", "width"]
    half = onnx.helper.make_tensor("half", onnx.TensorProto.FLOAT, [], [0.5])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["photograph", "half"], ["painting"])],
        "style",
        [value("photograph", onnx.TensorProto.FLOAT, shape)],
        [value("painting", onnx.TensorProto.FLOAT, shape)],
        [half],
    )
    opset = onnx.helper.make_opsetid("", 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.helper.set_model_props(model, {"velatura": '{"architecture": "velatura-style-3"}'})
    Image.radial_gradient("L").resize((24, 16)).save(tmp_path / "photo.png")
    path = tmp_path / "style.onnx"

    def promise(content):
        path.write_bytes(content)
        painted, told = outcome(
            lambda: OnnxPainter(str(path)).paint(tmp_path / "photo.png"), WeightsError, ImageError
        )
        if told:
            assert names_the_file(told, path) or "photo.png: cannot be painted" in told
        else:
            assert np.asarray(painted).shape == (16, 24, 3)

    words = [b"Mul", b"photograph", b"painting", b"velatura", b"half", b"height"]
    for_all(mutated(model.SerializeToString(), words), examples, promise)
    assert capfd.readouterr() == ("", "")
