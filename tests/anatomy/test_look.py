import numpy as np
import pytest
import torch

from velatura.anatomy import look as looking
from velatura.images.io import read
from velatura.perception.vgg import VGG19


@pytest.fixture
def views(embedded, photograph, painting, monkeypatch):
    monkeypatch.setattr(looking, "STEPS", (4, 3))
    network = VGG19(embedded, ["relu1_1", "relu2_1"])
    images = [read(image.resize((96, 64))).pixels for image in (photograph, painting)]
    return (
        {name: looking.look(network, name, *images) for name in ("relu1_1", "relu2_1")},
        network,
        images,
    )


def test_a_view_has_the_layers_shape_and_field(views):
    found, _, _ = views
    assert found["relu1_1"].shape == (64, 64, 96)
    assert found["relu1_1"].field == 3
    assert found["relu2_1"].shape == (128, 32, 48)
    assert found["relu2_1"].field == 10


def test_the_maps_are_those_that_respond_most(views):
    found, network, images = views
    with torch.no_grad():
        features = network(images[0], ["relu2_1"])["relu2_1"][0]
    means = features.mean(dim=(1, 2))
    assert found["relu2_1"].channels == means.argsort(descending=True)[:8].tolist()
    assert all(np.asarray(picture).max() == 255 for picture in found["relu2_1"].maps)


def test_the_gram_matrix_is_symmetric_and_brightest_on_its_diagonal(views):
    gram = np.asarray(views[0]["relu2_1"].gram).astype(int)
    assert (gram == gram.T).all()
    assert gram.max() == 255
    assert np.diag(gram).mean() > gram.mean()


def test_distances_are_zero_between_a_photograph_and_itself(embedded, photograph, monkeypatch):
    monkeypatch.setattr(looking, "STEPS", (1,))
    image = read(photograph).pixels
    found = looking.look(VGG19(embedded, ["relu2_1"]), "relu2_1", image, image)
    assert found.content_distance == 0
    assert found.style_distance == pytest.approx(0, abs=1e-3)


def test_without_a_painting_there_is_nothing_of_it(embedded, photograph, monkeypatch):
    monkeypatch.setattr(looking, "STEPS", (1,))
    image = read(photograph).pixels
    found = looking.look(VGG19(embedded, ["relu2_1"]), "relu2_1", image, None)
    assert found.texture is None
    assert found.style_distance is None
