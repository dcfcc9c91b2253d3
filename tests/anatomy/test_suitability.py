import pytest
import torch

from velatura.anatomy import suitability
from velatura.anatomy.suitability import (
    HELD_OUT_LAYERS,
    STYLE_LAYERS,
    measure,
    random_phases,
    variety,
)
from velatura.images.io import read
from velatura.perception.vgg import VGG19

from ..conftest import random_image


@pytest.fixture
def network(embedded, monkeypatch):
    monkeypatch.setattr(suitability, "STEPS", (6, 4))
    monkeypatch.setattr(suitability, "SIZE", 128)
    return VGG19(embedded, [*STYLE_LAYERS, *HELD_OUT_LAYERS], padding="replicate")


def test_random_phases_keep_the_spectrum_and_the_colours(generator):
    image = 0.5 + 0.02 * torch.randn(1, 3, 40, 36, generator=generator)
    moved = random_phases(image, generator)
    for got, expected in (
        (torch.fft.rfft2(moved).abs(), torch.fft.rfft2(image).abs()),
        (torch.cov(moved.flatten(2)[0]), torch.cov(image.flatten(2)[0])),
    ):
        torch.testing.assert_close(got, expected, atol=1e-2, rtol=1e-2)
    assert float((moved - image).abs().mean()) > 0.01


def test_variety_counts_what_has_nothing_in_common(generator):
    directions = torch.linalg.qr(torch.randn(8, 8, generator=generator)).Q
    for count in (1, 3, 8):
        seen = directions[:, :count]
        assert variety(seen @ seen.T) == pytest.approx(count, rel=1e-4)
        assert variety(100 * seen @ seen.T) == pytest.approx(count, rel=1e-4)
    assert 1 < variety(torch.diag(torch.tensor([1.0, 0.1]))) < 2
    assert variety(torch.zeros(4, 4)) == pytest.approx(1)


def test_a_tile_repeated_has_less_variety_than_different_things(network, photograph, painting):
    tile = read(painting.resize((32, 32))).pixels
    repeated = tile.repeat(1, 1, 4, 4)
    scene = read(photograph.resize((128, 128))).pixels
    assert measure(network, repeated).variety < 0.8 * measure(network, scene).variety


def test_a_pure_texture_is_even_and_a_picture_of_two_halves_is_not(network, generator):
    noise = random_image(generator, 128, 128)
    halves = noise.clone()
    halves[..., 64:] = 0.1
    even, uneven = measure(network, noise), measure(network, halves)
    assert even.unevenness < 0.05
    assert uneven.unevenness > 5 * even.unevenness


def test_noise_has_no_structure_beyond_its_spectrum_and_a_painting_has(
    network, generator, painting
):
    noise = 0.5 + 0.1 * torch.randn(1, 3, 128, 128, generator=generator).clamp(-3, 3)
    plain = measure(network, noise)
    painted = measure(network, read(painting.resize((128, 128))).pixels)
    assert max(plain.structure.values()) < 0.5 * max(painted.structure.values())
    assert painted.scale in STYLE_LAYERS
    assert painted.kept <= 1


def test_grey_paintings_have_no_chroma(network, generator):
    grey = random_image(generator, 96, 96).mean(dim=1, keepdim=True).expand(1, 3, 96, 96)
    assert measure(network, grey).chroma < 0.01


@pytest.mark.parametrize("name", ["black", "white", "one colour", "two pixels"])
def test_measures_of_pictures_with_nothing_on_them_are_ordinary_numbers(network, name, monkeypatch):
    monkeypatch.setattr(suitability, "STEPS", (2,))
    monkeypatch.setattr(suitability, "SIZE", 48)
    painting = torch.ones(1, 3, 64, 64)
    if name == "two pixels":
        painting[..., 5, 5], painting[..., 30, 20] = 0.0, 0.9
    elif name != "white":
        painting *= {"black": 0.0, "one colour": 0.45}[name]
    figures = measure(network, painting).figures()
    assert 0 <= figures["kept"] <= 1
    assert all(-0.01 < figure < 512 for figure in figures.values()), figures
    if name != "two pixels":
        assert figures["variety"] == pytest.approx(1, abs=0.01)
        assert max(v for k, v in figures.items() if k.startswith("structure")) < 0.01
