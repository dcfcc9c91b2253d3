import pytest
import torch
from PIL import Image
from skimage import data

from velatura.images.io import read
from velatura.perception.salience import salience
from velatura.perception.vgg import VGG19


@pytest.fixture(scope="module")
def network(embedded):
    return VGG19(embedded, ["relu5_1"], padding="replicate")


def test_a_face_is_more_salient_than_the_wall_behind_it(network):
    places = salience(network, read(Image.fromarray(data.astronaut())).pixels)  # 512×512
    assert places.shape == (1, 1, 32, 32)
    assert float(places.mean()) == pytest.approx(1)
    face = places[..., 64 // 16 : 176 // 16, 184 // 16 : 264 // 16]
    wall = places[..., : 96 // 16, 304 // 16 : 384 // 16]
    assert float(face.mean()) > 1.5
    assert float(wall.mean()) < 0.8


def test_large_pictures_are_seen_smaller_and_small_ones_as_they_are(network, generator):
    large = salience(network, torch.rand(1, 3, 600, 1200, generator=generator))
    assert large.shape == (1, 1, 16, 32)
    assert salience(network, torch.rand(1, 3, 16, 40, generator=generator)).shape == (1, 1, 1, 2)


def test_a_photograph_of_nothing_counts_alike_or_not_at_all(network):
    assert torch.isfinite(salience(network, torch.zeros(1, 3, 64, 64))).all()
