import numpy as np
import pytest
import torch
from PIL import Image

from velatura.superres import network as networks
from velatura.superres.network import UpscaleNetwork, enlarged

from ..conftest import random_image


@pytest.fixture(scope="module")
def network():
    made = UpscaleNetwork(3).requires_grad_(False)
    for tail in made.enlarge.values():
        tail.weight.mul_(10)  # so that what the network adds is large
    return made


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_equals_pillows(scale, generator):
    picture = random_image(generator, 12, 15)
    found = enlarged(picture, scale)
    for channel in range(3):
        one = Image.fromarray(picture[0, channel].numpy())
        expected = np.asarray(one.resize((15 * scale, 12 * scale), Image.Resampling.BICUBIC))
        inner = np.s_[3 * scale : -3 * scale, 3 * scale : -3 * scale]  # borders differ
        np.testing.assert_allclose(found[0, channel].numpy()[inner], expected[inner], atol=1e-6)


def test_bicubic_keeps_what_is_even():
    torch.testing.assert_close(
        enlarged(torch.full((2, 1, 5, 4), 0.3), 3), torch.full((2, 1, 15, 12), 0.3)
    )


@pytest.mark.parametrize("size", [(97, 61), (64, 130), (1, 3)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_equal_the_whole(network, generator, monkeypatch, size, scale):
    monkeypatch.setattr(networks, "TILE", 32)
    picture = random_image(generator, *size)
    whole = network(picture, scale).clamp(0, 1)
    assert whole.shape[-2:] == (size[0] * scale, size[1] * scale)
    torch.testing.assert_close(network.upscale(picture, scale), whole, atol=1e-5, rtol=0)


def test_less_overlap_would_show(network, generator, monkeypatch):
    """The halo is no larger than it must be."""
    monkeypatch.setattr(networks, "TILE", 32)
    picture = random_image(generator, 64, 64)
    whole = network(picture, 2).clamp(0, 1)
    monkeypatch.setattr(networks, "HALO", networks.HALO - 1)
    assert float((network.upscale(picture, 2) - whole).abs().max()) > 0


def test_bfloat16_is_near(network, generator):
    picture = random_image(generator, 40, 40)
    exact = network.upscale(picture, 4)
    rounded = network.upscale(picture, 4, dtype=torch.bfloat16)
    assert float((rounded - exact).abs().mean()) < 0.02 * float((exact - 0.5).abs().mean())


def test_it_tells_how_far_it_is(network, generator, monkeypatch):
    monkeypatch.setattr(networks, "TILE", 16)
    shares = []
    network.upscale(random_image(generator, 32, 20), 2, shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]
