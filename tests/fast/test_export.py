import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from velatura.errors import ConfigError, ImageError, WeightsError
from velatura.fast.export import export
from velatura.fast.layers import ARCHITECTURE
from velatura.fast.network import StyleNetwork
from velatura.fast.onnx_backend import OnnxPainter
from velatura.fast.painter import Painter
from velatura.fast.styles import Style, save
from velatura.images import tensorfile

from .networks import learnt_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photograph):
    """A style with random weights, as a model file and as ONNX, and a photograph."""
    path = tmp_path_factory.mktemp("style")
    style = Style(learnt_network(1), {"painting": "noise"})
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


def test_a_shipped_style_is_written_as_onnx_once(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    painted = [np.asarray(OnnxPainter("starry_night").paint(folder / "photo.png"))]
    with monkeypatch.context() as patch:
        patch.setattr("velatura.fast.graph.build", lambda *_: pytest.fail("written again"))
        painted.append(np.asarray(OnnxPainter("starry_night").paint(folder / "photo.png")))
    assert np.array_equal(*painted)


def test_both_backends_paint_the_same_where_the_noise_is_repeated(folder):
    photograph = folder / "wide.png"
    Image.effect_noise((1100, 17), 60).convert("RGB").save(photograph)
    one = Painter(str(folder / "style.safetensors"), precision="fp32").paint(photograph)
    other = OnnxPainter(str(folder / "style.safetensors")).paint(photograph)
    assert np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max() <= 2


def test_what_is_hidden_by_transparency_leaves_no_trace(folder):
    painted = []
    for hidden in (0, 255):
        with Image.open(folder / "photo.png") as image:
            pixels = np.array(image.convert("RGBA"))
        pixels[:, 60:, 3] = 0
        pixels[:, 60:, :3] = hidden
        Image.fromarray(pixels).save(folder / "hidden.png")
        painted.append(OnnxPainter(str(folder / "style.onnx")).paint(folder / "hidden.png"))
    assert painted[0].mode == "RGBA"
    assert np.array_equal(*map(np.asarray, painted))


def test_an_export_with_capital_letters_is_one(folder):
    (folder / "STYLE.ONNX").write_bytes((folder / "style.onnx").read_bytes())
    assert OnnxPainter(str(folder / "STYLE.ONNX")).card["painting"] == "noise"


def test_a_card_that_is_none_is_told(folder):
    import onnx

    model = onnx.load(folder / "style.onnx")
    onnx.helper.set_model_props(model, {"velatura": "[1, 2]"})
    onnx.save(model, folder / "odd.onnx")
    with pytest.raises(WeightsError, match="expected a style"):
        OnnxPainter(str(folder / "odd.onnx")).paint(folder / "photo.png")


def test_strength_zero_is_the_photograph(folder):
    painter = OnnxPainter(str(folder / "style.onnx"), strength=0.0)
    expected = np.asarray(Image.open(folder / "photo.png").convert("RGB"), dtype=int)
    found = np.asarray(painter.paint(folder / "photo.png"), dtype=int)
    assert np.abs(found - expected).max() <= 1


def test_bad_files_are_told(folder, tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match="expected a style as ONNX"):
        OnnxPainter(str(tmp_path / "text.onnx")).paint(folder / "photo.png")
    state = dict(StyleNetwork().state_dict())
    kernel = state.pop("up1_kernel")
    for others in ({}, {"up1_kernel": kernel[1:]}):
        about = {"architecture": ARCHITECTURE}
        tensorfile.write(tmp_path / "cut.safetensors", state | others, about)
        with pytest.raises(WeightsError, match=r"damaged .*up1_kernel"):
            OnnxPainter(str(tmp_path / "cut.safetensors")).paint(folder / "photo.png")
    with pytest.raises(ConfigError, match="expected a file"):
        OnnxPainter(str(tmp_path / "missing.onnx"))
    with pytest.raises(ConfigError, match="colors"):
        OnnxPainter(str(folder / "style.onnx"), colors="content-match")
    Image.new("RGB", (8, 40)).save(tmp_path / "narrow.png")
    with pytest.raises(ImageError, match="at least 16 pixels"):
        OnnxPainter(str(folder / "style.onnx")).paint(tmp_path / "narrow.png")


@pytest.mark.parametrize("height", [16, 17, 70])
def test_stripes_are_painted_alike_by_both_backends(folder, height):
    """Rows that repeat every eight pixels, as do those looked at in the largest layers."""
    rows = 128 + 100 * np.sin(np.arange(height) * np.pi / 4)
    pixels = np.broadcast_to(rows[:, None, None], (height, 40, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "stripes.png")
    one = Painter(str(folder / "style.safetensors"), precision="fp32").paint(folder / "stripes.png")
    other = OnnxPainter(str(folder / "style.safetensors")).paint(folder / "stripes.png")
    assert np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max() <= 2


def test_a_file_that_cannot_be_read_is_told(folder, monkeypatch):
    painter = OnnxPainter(str(folder / "style.onnx"))
    assert painter.card["painting"] == "noise"
    path = folder / "gone.onnx"
    monkeypatch.setattr("velatura.fast.onnx_backend.find", lambda style: path)
    with pytest.raises(WeightsError, match=r"gone.onnx: cannot be read"):
        OnnxPainter("gone").paint(folder / "photo.png")


def test_an_onnx_file_of_another_network_is_told(folder, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match="got another network"):
        OnnxPainter(str(tmp_path / "other.onnx")).paint(folder / "photo.png")


def test_another_ending_is_refused(folder):
    style = Style(StyleNetwork(), {})
    with pytest.raises(ConfigError, match=r"ending in \.onnx"):
        export(style, folder / "style.bin")


def style_of(
    nodes, take=("photograph", 1, 4), give=((1, 4),), card='{"architecture": "velatura-style-3"}'
):
    """The bytes of an ONNX file that claims to be a style: types and numbers of dimensions."""

    def value(name, kind, dimensions):
        return onnx.helper.make_tensor_value_info(name, kind, [None] * dimensions)

    taken = [value(*take)]
    given = [value(f"painting{k}", *kind) for k, kind in enumerate(give)]
    constants = [onnx.helper.make_tensor("two", 1, [], [2.0])]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, names, [output], **how) for kind, names, output, how in nodes],
        "style",
        taken,
        given,
        constants,
    )
    opset = onnx.helper.make_opsetid("", 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.helper.set_model_props(model, {"velatura": card})
    return model.SerializeToString()


SAME = ("Identity", ["photograph"], "painting0", {})
DIFFERENCE = ("Sub", ["photograph", "two"], "difference", {})
CLAIMS = {
    "float64": (([SAME], ("photograph", 11, 4), [(11, 4)]), "got [('tensor(double)'"),
    "integers": (
        ([("Cast", ["photograph"], "painting0", {"to": 7})], ("photograph", 1, 4), [(7, 4)]),
        "int64",
    ),
    "text": (
        ([("Cast", ["photograph"], "painting0", {"to": 8})], ("photograph", 1, 4), [(8, 4)]),
        "string",
    ),
    "a number": (
        (
            [("ReduceSum", ["photograph"], "painting0", {"keepdims": 0})],
            ("photograph", 1, 4),
            [(1, 0)],
        ),
        "('tensor(float)', 0)",
    ),
    "another input": (
        ([("Identity", ["x"], "painting0", {})], ("x", 1, 4)),
        "('x', 'tensor(float)', 4)",
    ),
    "two pictures": (
        (
            [SAME, ("Identity", ["photograph"], "painting1", {})],
            ("photograph", 1, 4),
            [(1, 4), (1, 4)],
        ),
        "got [",
    ),
    "a turned picture": (
        ([("Transpose", ["photograph"], "painting0", {"perm": [0, 1, 3, 2]})],),
        "got float32 (1, 3, 96, 64)",
    ),
    "not a number": (([DIFFERENCE, ("Log", ["difference"], "painting0", {})],), "finite pixels"),
    "a card of brackets": (([SAME], ("photograph", 1, 4), [(1, 4)], "[" * 100_000), "20 levels"),
    "a card that is a list": (([SAME], ("photograph", 1, 4), [(1, 4)], "[]"), "got list"),
    "another network": (
        ([SAME], ("photograph", 1, 4), [(1, 4)], '{"architecture": 5}'),
        "another network",
    ),
}


@pytest.mark.parametrize("claim, told", CLAIMS.values(), ids=CLAIMS)
def test_what_only_claims_to_be_a_style_is_told(folder, tmp_path, claim, told, capfd):
    (tmp_path / "claim.onnx").write_bytes(style_of(*claim))
    with pytest.raises(WeightsError, match=re.escape(told)) as raised:
        OnnxPainter(str(tmp_path / "claim.onnx")).paint(folder / "photo.png")
    assert "claim.onnx" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_what_no_sigmoid_made_is_clamped(folder, tmp_path):
    (tmp_path / "bright.onnx").write_bytes(
        style_of([("Mul", ["photograph", "two"], "painting0", {})])
    )
    painted = OnnxPainter(str(tmp_path / "bright.onnx")).paint(folder / "photo.png")
    with Image.open(folder / "photo.png") as photograph:
        twice = 2 * np.asarray(photograph, dtype=int)
    assert np.array_equal(np.asarray(painted), twice.clip(0, 255))
