import pytest
import torch

from velatura.images.io import read
from velatura.perception import losses, polar
from velatura.perception.vgg import VGG19

LAYERS = [f"relu{block}_1" for block in range(1, 6)]


@pytest.fixture(scope="module")
def seen(embedded, photograph, painting):
    """Features (C, N) of a photograph and a painting by layer, in float64."""
    network = VGG19(embedded, LAYERS, padding="replicate")
    with torch.no_grad():
        both = [network(read(image).pixels, LAYERS) for image in (photograph, painting)]
    return {name: [of[name][0].flatten(1).double() for of in both] for name in LAYERS}


@pytest.mark.parametrize("layer", LAYERS)
def test_products_alone_give_what_eigenvalues_give_on_real_features(seen, layer, monkeypatch):
    picture, style = seen[layer]
    moment = picture @ picture.T / picture.shape[1]
    root = losses.moments_root(style @ style.T / style.shape[1])
    by_eigenvalues = losses.wasserstein(moment, root)
    monkeypatch.setattr(losses, "inverse_root", polar.inverse_root)
    by_products = losses.wasserstein(moment, root)
    assert float(by_products.value) == pytest.approx(float(by_eigenvalues.value), rel=1e-4)
    pushed, expected = (loss.gradient @ picture for loss in (by_products, by_eigenvalues))
    assert float((pushed - expected).norm() / expected.norm()) < 1e-4


def test_each_polynomial_brings_the_interval_nearer_to_one():
    low, high = 2e-5, 1.0
    for a, b, c in polar.quintics(low, 1e-6):
        x = torch.linspace(low, high, 10_000, dtype=torch.float64)
        y = a * x + b * x**3 + c * x**5
        low, high = float(y.min()), float(y.max())
    assert high - low < 1e-6


@pytest.mark.parametrize("value", [0.0, -1e-8])
def test_matrices_without_rank_have_finite_roots(value):
    """Rounding errors make eigenvalues of zero negative.

    Each counts as the root of float32's rounding error, 5e-4 of the largest.
    """
    matrix = torch.full((8, 8), 1.0) + value * torch.eye(8)
    trace, inverse = polar.inverse_root(matrix, 1e-3, torch.tensor(1e-6))
    assert float(trace) == pytest.approx(8**0.5, rel=7 * 5e-4)
    assert torch.isfinite(inverse).all()
    trace, inverse = polar.inverse_root(0 * matrix, 1e-3, torch.tensor(1e-6))
    assert float(trace) == pytest.approx(0, abs=1e-12)
    assert torch.isfinite(inverse).all()
