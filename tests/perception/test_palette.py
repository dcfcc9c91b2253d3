import pytest
import torch

from velatura.perception import palette

from ..conftest import random_image

AXES = palette.DIRECTIONS.double()


def sorted_distance(image, painting):
    """The sliced distance by sorting all colours, and its gradient."""
    mine = AXES @ image[0].flatten(1)
    wanted = (AXES @ painting[0].flatten(1)).sort(1).values
    count = mine.shape[1]
    ranks = ((torch.arange(count) + 0.5) / count * wanted.shape[1]).long()
    goals = torch.empty_like(mine).scatter_(1, mine.argsort(1), wanted[:, ranks])
    variance = wanted.var(1, correction=0).mean()
    value = (mine - goals).square().mean() / variance
    gradient = AXES.T @ (mine - goals) * (2 / (len(AXES) * count * variance))
    return value, gradient.view_as(image)


def test_distance_and_gradient_are_those_of_sorting(generator):
    image = random_image(generator, 120, 90).double() ** 2
    painting = random_image(generator, 70, 150).double() * 0.6 + 0.1
    loss = palette.distance(image, palette.palette(painting))
    value, gradient = sorted_distance(image, painting)
    assert float(loss.value) == pytest.approx(float(value), rel=1e-3)
    assert float((loss.gradient - gradient).norm() / gradient.norm()) < 0.01


def test_the_same_colours_elsewhere_are_at_no_distance(generator):
    image = random_image(generator, 40, 60)
    loss = palette.distance(image.flip(-1), palette.palette(image))
    assert float(loss.value) == pytest.approx(0, abs=1e-6)


def test_pixels_count_as_much_as_they_weigh(generator):
    """Half a picture weighed by a mask is that half alone; the other half is not moved."""
    image, painting = random_image(generator, 40, 60), random_image(generator, 30, 30) ** 3
    mask = torch.zeros(1, 1, 40, 60)
    mask[..., :30] = 1
    wanted = palette.palette(painting)
    whole = palette.distance(image, wanted, mask)
    half = palette.distance(image[..., :30], wanted)
    assert float(whole.value) == pytest.approx(float(half.value), rel=1e-5)
    torch.testing.assert_close(whole.gradient[..., :30], half.gradient)
    assert not whole.gradient[..., 30:].any()
    masked = palette.palette(image, mask)
    torch.testing.assert_close(masked.counts, palette.palette(image[..., :30]).counts)


def test_any_number_of_pixels_at_once_gives_the_same(generator, monkeypatch):
    image = random_image(generator, 40, 60)
    wanted = palette.palette(random_image(generator, 30, 30) ** 3)
    mask = torch.rand(1, 1, 40, 60, generator=generator)
    expected = palette.distance(image, wanted, mask)
    monkeypatch.setattr(palette, "AT_ONCE", 77)
    found = palette.distance(image, wanted, mask)
    torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_one_colour_alone_is_no_trouble(generator, value):
    flat = torch.full((1, 3, 20, 20), value)
    for image, painting in ((flat, random_image(generator, 20, 20)), (flat, flat)):
        for one, other in ((image, painting), (painting, image)):
            loss = palette.distance(one, palette.palette(other))
            assert 0 <= float(loss.value) <= 1 / palette.FLAT**2
            assert torch.isfinite(loss.gradient).all()
    assert float(palette.distance(flat, palette.palette(flat)).value) < 0.01  # within a bin


def test_grain_on_one_colour_weighs_as_much_as_none(generator):
    """Else a single pixel of another grey would multiply the loss a thousandfold."""
    white, image = torch.ones(1, 3, 20, 20), random_image(generator, 20, 20)
    speck = white.clone()
    speck[..., 3, 4] -= 1 / 255
    one, other = (float(palette.distance(image, palette.palette(p)).value) for p in (white, speck))
    assert one == pytest.approx(other, rel=0.01)


def test_steps_along_the_gradient_bring_the_colours(generator):
    image, painting = random_image(generator, 50, 50), random_image(generator, 50, 50) ** 4
    wanted = palette.palette(painting)
    before = palette.distance(image, wanted).value
    for _ in range(20):
        loss = palette.distance(image, wanted)
        image = image - loss.gradient * image[0, 0].numel() * wanted.variance
    assert float(palette.distance(image, wanted).value) < 0.02 * float(before)
