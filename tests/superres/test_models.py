import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from velatura import Upscaler
from velatura.errors import ConfigError, WeightsError
from velatura.perception.vgg import VGG19
from velatura.superres.degrade import shrink
from velatura.superres.models import UpscaleModel, save, shipped
from velatura.superres.network import UpscaleNetwork, enlarged
from velatura.training.modelfile import read_card


@pytest.fixture(scope="module")
def sharp():
    """A photograph that no model was trained on, (1, 3, 240, 240)."""
    array = data.chelsea()[30:270, 100:340] / np.float32(255)
    return torch.from_numpy(array).permute(2, 0, 1)[None]


def decibels(made, sharp):
    border = np.s_[..., 4:-4, 4:-4]
    return peak_signal_noise_ratio(
        sharp[border].numpy(), made.clamp(0, 1)[border].numpy(), data_range=1
    )


def test_the_shipped_models_take_six_megabytes_at_most():
    assert set(shipped()) == {"faithful", "perceptual"}
    assert sum(path.stat().st_size for path in shipped().values()) <= 6_000_000


@pytest.mark.parametrize("name", ["faithful", "perceptual"])
def test_a_shipped_model_describes_itself(name):
    card = read_card(shipped()[name])
    assert card["licence"]
    assert card["photographs"]
    assert card["command"].startswith("velatura upscale train")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_faithful_is_nearer_than_bicubic(sharp, scale):
    small = shrink(sharp, scale).clamp(0, 1)
    made = Upscaler("faithful", scale, precision="fp32").network.upscale(small, scale)
    assert decibels(made, sharp) > decibels(enlarged(small, scale), sharp) + 0.3


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_perceptual_is_nearer_in_features(sharp, embedded, scale):
    """At layers that it was not trained on."""
    layers = ["conv2_1", "conv3_2", "conv4_2"]
    network = VGG19(embedded, layers, padding="replicate")
    small = shrink(sharp, scale).clamp(0, 1)
    pictures = [enlarged(small, scale).clamp(0, 1)]
    pictures += [
        Upscaler(name, scale, precision="fp32").network.upscale(small, scale)
        for name in ("faithful", "perceptual")
    ]
    with torch.no_grad():
        wanted = network(sharp, layers)
        bicubic, faithful, perceptual = (
            sum(
                float((found[name] - wanted[name]).square().sum() / wanted[name].square().sum())
                for name in layers
            )
            for found in (network(picture, layers) for picture in pictures)
        )
    assert perceptual < faithful < bicubic


def test_unknown_models_and_scales_are_told():
    with pytest.raises(ConfigError, match="faithful, perceptual"):
        Upscaler("best")
    with pytest.raises(ConfigError, match="2, 3, 4"):
        Upscaler(scale=5)


@pytest.mark.parametrize("model", ["faithful", "perceptual"])
def test_grey_stays_grey(model):
    grey = data.camera()[100:124, 200:232]
    for photograph in (grey, np.repeat(grey[:, :, None], 3, axis=2)):
        array = np.asarray(Upscaler(model, 2, precision="fp32").upscale(photograph))
        assert array.shape == (48, 64, 3)
        assert (array == array[:, :, :1]).all()
        assert abs(array.mean() - grey.mean()) < 2


def test_a_model_that_makes_no_numbers_is_told(tmp_path, photograph):
    network = UpscaleNetwork()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape).sign() * 65504)  # float16's largest
    save(tmp_path / "huge.safetensors", UpscaleModel(network.eval(), {"licence": "none"}))
    with pytest.raises(WeightsError, match=r"huge\.safetensors: the model is damaged"):
        Upscaler(str(tmp_path / "huge.safetensors"), 2, precision="fp32").upscale(photograph)
