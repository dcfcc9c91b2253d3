import pytest
import torch
from torch.nn import functional as F

from velatura.fast import network as net
from velatura.fast.layers import LAYERS, SHAPES
from velatura.fast.network import StyleNetwork, folded, inverse_root

from ..conftest import random_image
from .networks import learnt_network


@pytest.fixture(scope="module")
def network():
    return learnt_network(0)


def test_folded_kernels_do_what_the_enlargement_and_the_kernel_do(generator):
    kernel = torch.randn(3, 4, 5, 5, generator=generator, dtype=torch.float64)
    picture = torch.randn(2, 4, 7, 9, generator=generator, dtype=torch.float64)
    enlarged = F.interpolate(picture, scale_factor=2, mode="nearest")
    expected = F.conv2d(enlarged, kernel)
    found = F.pixel_shuffle(F.conv2d(picture, folded(kernel)), 2)
    torch.testing.assert_close(found, expected)


def test_the_inverse_root_is_the_one_of_the_eigenvalues(generator):
    factor = torch.randn(3, 12, 400, generator=generator)
    covariance = factor @ factor.mT / 400
    values, vectors = torch.linalg.eigh(covariance)
    expected = (vectors / values.sqrt()[:, None]) @ vectors.mT
    torch.testing.assert_close(inverse_root(covariance), expected, rtol=0.05, atol=0.02)


def test_the_inverse_root_of_what_hardly_varies_is_bounded(generator):
    """A direction without variance is enlarged by 1.5⁵ beside the spread of all, not endlessly."""
    covariance = torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0]))[None]
    found = inverse_root(covariance)[0]
    torch.testing.assert_close(found[3, 3], torch.tensor(1.5**5 / 3**0.5), rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", ["down1", "up2"])
def test_channels_are_whitened_by_the_rows_looked_at(generator, name):
    network = StyleNetwork().requires_grad_(False)
    (layer,) = (layer for layer in LAYERS if layer.name == name)
    count, both = layer.outputs, 2 if layer.enlarge else 1
    mixing = torch.eye(count) + 0.3 * torch.randn(count, count, generator=generator) / count**0.5
    x = torch.randn(2, count, 40, 50, generator=generator)
    x = torch.einsum("oi,bihw->bohw", mixing, x) + 3
    # Of every four rows one, of twice as many where two are made of one.
    few = (0, 6, 11, 13, 16, 22, 27, 29, 32, 38)[: 40 // both // layer.every]
    rows = [both * row + further for row in few for further in range(both)]
    looked_at = x[:, :, rows].clone()
    whitened = network._whitened(layer, x)[:, :, rows]
    for before, after in zip(looked_at, whitened, strict=True):
        torch.testing.assert_close(after.mean((1, 2)), torch.zeros(count), atol=1e-3, rtol=0)
        assert _correlation(after) < 0.5 * _correlation(before)
        assert torch.cov(after.flatten(1)).diagonal().min() > 0.5  # after few steps of Newton's


def _correlation(channels):
    """Root mean square of the channels' correlations with each other."""
    matrix = torch.corrcoef(channels.flatten(1))
    return float((matrix - torch.eye(len(matrix))).square().mean().sqrt())


def test_noise_gives_an_empty_picture_strokes_that_are_the_same_each_time(network):
    empty = torch.full((1, 3, 40, 48), 0.4)
    painted = network(empty)
    assert float(painted.std((2, 3)).max()) > 0.01
    assert torch.equal(network(empty), painted)
    elsewhere = network(empty, network.grain.roll((5, 9), (2, 3)))
    assert float((elsewhere - painted).abs().mean()) > 0.01


@pytest.mark.parametrize("size", [(5, 300), (130, 7)])
def test_noise_is_repeated(network, size):
    (layer,) = (layer for layer in LAYERS if layer.name == "down3")
    tiled = network.grain.repeat(1, 1, 3, 3)[..., : size[0], : size[1]]
    found = network._grain(layer, torch.empty(1, layer.outputs, *size), network.grain)
    torch.testing.assert_close(found, network.down3_grain.view(1, -1, 1, 1) * tiled)


def test_the_table_names_every_tensor(network):
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == SHAPES


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (64, 48), (75, 101)])
def test_strips_give_what_the_whole_gives(network, generator, monkeypatch, size):
    """Layer by layer in strips, with statistics of the whole: no seams."""
    picture = random_image(generator, *size)
    whole = network(network.recolour(picture))
    assert whole.shape == picture.shape
    monkeypatch.setattr(net, "STRIP_PIXELS", 200)
    torch.testing.assert_close(network.paint(picture), whole, atol=2e-5, rtol=0)


def test_lower_precision_changes_little(network, generator):
    picture = random_image(generator, 64, 96)
    difference = network.paint(picture, dtype=torch.bfloat16) - network.paint(picture)
    assert float(difference.abs().mean()) < 0.02


@pytest.mark.parametrize("strip_pixels", [net.STRIP_PIXELS, 200])
def test_a_flat_picture_stays_finite(monkeypatch, strip_pixels):
    """Nothing varies: what is left of the variances are rounding errors."""
    monkeypatch.setattr(net, "STRIP_PIXELS", strip_pixels)
    flat = StyleNetwork().requires_grad_(False)
    for name, parameter in flat.named_parameters():
        if name.endswith("_bias"):
            parameter += 3  # means far above what is left to vary
    for shade in (0.0, 0.3, 1.0):
        picture = torch.full((1, 3, 40, 56), shade)
        assert torch.isfinite(flat(flat.recolour(picture))).all()
        assert torch.isfinite(flat.paint(picture, dtype=torch.bfloat16)).all()


def test_progress_ends_at_all(network, generator):
    shares = []
    network.paint(random_image(generator, 32, 32), shares.append)
    assert len(shares) == len(LAYERS)
    assert shares[-1] == 1


def test_recoloured_pictures_have_the_palettes_mean_and_spread(generator):
    network = StyleNetwork()
    painting = 0.4 + 0.05 * torch.randn(1, 3, 60, 60, generator=generator)
    painting[:, 0] += 0.2 * painting[:, 1]  # colours that go together
    network.set_palette(painting)
    picture = 0.5 + 0.1 * torch.randn(1, 3, 50, 40, generator=generator)
    found = network.recolour(picture)[0].flatten(1)
    expected = painting[0].flatten(1)
    torch.testing.assert_close(found.mean(1), expected.mean(1), atol=1e-3, rtol=0)
    # Along the palette's own axes the variances are the painting's.
    variances = (network.palette_axes.T @ torch.cov(found) @ network.palette_axes).diagonal()
    torch.testing.assert_close(variances.sqrt(), network.palette_spread, atol=2e-3, rtol=0.02)


def test_a_grey_photograph_is_not_blown_up():
    network = StyleNetwork()
    network.set_palette(torch.rand(1, 3, 20, 20))
    gray = torch.full((1, 3, 20, 20), 0.5)
    assert torch.isfinite(network.recolour(gray)).all()


def test_transparent_colours_are_not_in_the_palette(generator):
    painting, hidden = (torch.rand(1, 3, 20, 20, generator=generator) for _ in range(2))
    weights = torch.ones(1, 1, 20, 40)
    weights[..., 20:] = 0
    whole, masked = StyleNetwork(), StyleNetwork()
    whole.set_palette(painting)
    masked.set_palette(torch.cat([painting, hidden * 0.1], dim=3), weights)
    torch.testing.assert_close(masked.palette_mean, whole.palette_mean)
    torch.testing.assert_close(masked.palette_spread, whole.palette_spread)
