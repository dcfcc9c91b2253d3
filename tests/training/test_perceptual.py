import pytest
import torch

from velatura.perception.vgg import VGG19
from velatura.training.perceptual import PerceptualLoss

from ..conftest import random_image

# More positions than channels, where the distance has no kink.
CONTENT, STYLE = {"relu2_1": 0.7}, {"conv1_2": 1.0, "conv2_1": 0.5}


@pytest.fixture
def network(embedded):
    return VGG19(embedded, [*CONTENT, *STYLE], dtype=torch.float64).double()


def batch(generator):
    return torch.cat([random_image(generator, 48, 48).double() for _ in range(2)])


@pytest.mark.parametrize(("style_loss", "tolerance"), [("wasserstein", 5e-2), ("gram", 1e-4)])
def test_the_gradient_equals_finite_differences(network, generator, style_loss, tolerance):
    """Along the gradient; the Wasserstein distance's is damped."""
    loss = PerceptualLoss(network, CONTENT, STYLE, style_loss)
    loss.set_style(random_image(generator, 60, 52).double() ** 3 * 0.7)
    pictures, photographs = batch(generator), batch(generator)
    _, gradient = loss(pictures, photographs, 0.3)
    direction = gradient / gradient.norm()
    step = 1e-5
    ends = [
        sum(loss(pictures + sign * step * direction, photographs, 0.3)[0].values())
        for sign in (1, -1)
    ]
    expected = float(ends[0] - ends[1]) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(expected, rel=tolerance)


def test_nothing_is_lost_where_everything_is_as_wanted(network, generator):
    painting = random_image(generator, 32, 32).double()
    loss = PerceptualLoss(network, CONTENT, STYLE)
    loss.set_style(painting)
    terms, _ = loss(painting, painting)
    assert sum(map(float, terms.values())) == pytest.approx(0, abs=1e-5)


def test_style_looks_at_the_batch_together(network, generator):
    """Two halves of a painting have its statistics together, each alone has not."""
    painting = random_image(generator, 32, 32).double()
    painting[..., :16, :] *= 0.3
    loss = PerceptualLoss(network, {"relu2_1": 0.0}, {"relu1_1": 1.0})
    halves = torch.cat([painting[..., :16, :], painting[..., 16:, :]])
    loss.set_style(painting)
    together, _ = loss(halves, halves)
    alone, _ = loss(halves[:1], halves[:1])
    assert float(together["style relu1_1"]) < 0.1 * float(alone["style relu1_1"])


@pytest.mark.parametrize("style_loss", ["wasserstein", "gram"])
def test_every_layer_of_either_distance_is_relative_to_the_painting(network, generator, style_loss):
    """A weight of one means much the same at every layer, whatever its features' unit."""
    loss = PerceptualLoss(network, CONTENT, dict.fromkeys(STYLE, 1.0), style_loss)
    loss.set_style(random_image(generator, 60, 52).double())
    flat = torch.full((1, 3, 48, 48), 0.5, dtype=torch.float64)
    terms, _ = loss(flat, flat)
    for name in STYLE:
        assert 0.05 < float(terms[f"style {name}"]) < 2


@pytest.mark.parametrize("style_loss", ["wasserstein", "gram"])
def test_a_style_or_photograph_that_excites_no_feature_asks_for_nothing(generator, style_loss):
    def black_is_nothing(image, layers):
        return {name: image.repeat(1, 2, 1, 1) for name in layers}

    loss = PerceptualLoss(black_is_nothing, {"relu2_1": 0.7}, {"relu1_1": 1.0}, style_loss)
    black, pictures = torch.zeros(1, 3, 16, 16), random_image(generator, 16, 16)
    loss.set_style(black)
    terms, gradient = loss(pictures, black)
    assert not any(map(float, terms.values()))
    assert not gradient.any()


def test_what_weighs_nothing_is_no_part_of_the_style(network, generator):
    painting = random_image(generator, 32, 32).double() ** 3
    ground = painting.mean((2, 3), keepdim=True).expand_as(painting)  # as `read` fills it
    wide = torch.cat([painting, ground], dim=3)
    weights = torch.ones(1, 1, 32, 64, dtype=torch.float64)
    weights[..., 32:] = 0
    picture = random_image(generator, 32, 32).double()
    found = []
    for shown, counts in ((painting, None), (wide, weights), (wide, None)):
        loss = PerceptualLoss(network, {"relu2_1": 0.0}, {"conv1_2": 1.0})
        loss.set_style(shown, counts)
        found.append(float(loss(picture, picture)[0]["style conv1_2"]))
    assert found[1] == pytest.approx(found[0], rel=0.1)
    assert abs(found[2] / found[0] - 1) > 0.3
