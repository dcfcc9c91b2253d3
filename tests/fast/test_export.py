import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from velatura.errors import ConfigError, ImageError, WeightsError
from velatura.fast.export import export
from velatura.fast.layers import ARCHITECTURE
from velatura.fast.network import StyleNetwork
from velatura.fast.onnx_backend import OnnxPainter
from velatura.fast.painter import Painter
from velatura.fast.styles import Style, save
from velatura.images import tensorfile


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photograph):
    """A style with random weights, as a model file and as ONNX, and a photograph."""
    path = tmp_path_factory.mktemp("style")
    torch.manual_seed(1)
    style = Style(StyleNetwork().requires_grad_(False), {"painting": "noise"})
    save(path / "style.safetensors", style)
    photograph.save(path / "photo.png")
    differences = export(style, path / "style.onnx")
    assert len(differences) == 2
    assert any(height % 2 for height, _ in differences)
    assert max(differences.values()) < 1e-3
    return path


# The model file is in float16, and what it is exported from is not.
@pytest.mark.parametrize(("style", "most"), [("style.onnx", 2.0), ("style.safetensors", 0.01)])
@pytest.mark.parametrize("size", [None, 75])
def test_both_backends_paint_the_same(folder, style, most, size):
    model, photograph = str(folder / "style.safetensors"), folder / "photo.png"
    with Image.open(photograph) as image:
        image.load()
    one = Painter(model, precision="fp32").paint(image.resize((75, 50), 3) if size else image)
    other = OnnxPainter(str(folder / style)).paint(photograph, size)
    assert one.size == other.size == ((75, 50) if size else (96, 64))
    assert np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).mean() < most


@pytest.mark.parametrize("style", ["style.onnx", "style.safetensors", "starry_night"])
def test_a_small_photograph_is_painted_without_torch(folder, style):
    arguments = ["photo.png", "--style", style, "-o", "out.png"]
    code = (
        "import sys; from velatura.cli.main import main; "
        f"code = main(['fast', 'apply', *{arguments}]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=folder)
    with Image.open(folder / "out.png") as image:
        assert image.size == (96, 64)


def test_strength_zero_is_the_photograph(folder):
    painter = OnnxPainter(str(folder / "style.onnx"), strength=0.0)
    expected = np.asarray(Image.open(folder / "photo.png").convert("RGB"), dtype=int)
    found = np.asarray(painter.paint(folder / "photo.png"), dtype=int)
    assert np.abs(found - expected).max() <= 1


def test_bad_files_are_told(folder, tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match="expected a style as ONNX"):
        OnnxPainter(str(tmp_path / "text.onnx"))
    state = dict(StyleNetwork().state_dict())
    del state["up1_kernel"]
    tensorfile.write(tmp_path / "cut.safetensors", state, {"architecture": ARCHITECTURE})
    with pytest.raises(WeightsError, match=r"damaged .*up1_kernel"):
        OnnxPainter(str(tmp_path / "cut.safetensors"))
    with pytest.raises(ConfigError, match="expected a file"):
        OnnxPainter(str(tmp_path / "missing.onnx"))
    with pytest.raises(ConfigError, match="colors"):
        OnnxPainter(str(folder / "style.onnx"), colors="content-match")
    Image.new("RGB", (8, 40)).save(tmp_path / "narrow.png")
    with pytest.raises(ImageError, match="at least 16 pixels"):
        OnnxPainter(str(folder / "style.onnx")).paint(tmp_path / "narrow.png")


def test_an_onnx_file_of_another_network_is_told(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match="got another network"):
        OnnxPainter(str(tmp_path / "other.onnx"))


def test_another_ending_is_refused(folder):
    style = Style(StyleNetwork(), {})
    with pytest.raises(ConfigError, match=r"ending in \.onnx"):
        export(style, folder / "style.bin")
