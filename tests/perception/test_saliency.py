import pytest
import torch
from PIL import Image
from skimage import data

from velatura.images.io import read
from velatura.perception.saliency import saliency
from velatura.perception.vgg import VGG19


@pytest.fixture(scope="module")
def network(embedded):
    return VGG19(embedded, ["relu5_1"], padding="replicate")


def test_a_face_is_more_salient_than_the_wall_behind_it(network):
    places = saliency(network, read(Image.fromarray(data.astronaut())).pixels, "relu5_1")  # 512×512
    assert places.shape == (1, 1, 32, 32)
    assert float(places.mean()) == pytest.approx(1)
    face = places[..., 64 // 16 : 176 // 16, 184 // 16 : 264 // 16]
    wall = places[..., : 96 // 16, 304 // 16 : 384 // 16]
    assert float(face.mean()) > 1.5
    assert float(wall.mean()) < 0.8


@pytest.mark.parametrize(
    ("size", "positions"),
    [((600, 1200), (16, 32)), ((16, 40), (1, 2)), ((20, 1024), (1, 51))],
    ids=["large ones smaller", "small ones as they are", "narrow ones less small"],
)
def test_pictures_are_seen_at_a_size_that_shows_things(network, generator, size, positions):
    places = saliency(network, torch.rand(1, 3, *size, generator=generator), "relu5_1")
    assert places.shape == (1, 1, *positions)


def test_where_nothing_is_seen_all_places_count_alike():
    def blind(image, layers):
        return {name: torch.zeros(1, 512, 4, 6) for name in layers}

    assert torch.equal(
        saliency(blind, torch.zeros(1, 3, 64, 96), "relu5_1"), torch.ones(1, 1, 4, 6)
    )
