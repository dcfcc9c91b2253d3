import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn

from velatura.duplicates import fingerprints
from velatura.duplicates.calibration import calibration
from velatura.duplicates.fingerprints import GREY, SEEN, TURNS, Describer, lightness, look

TURNED = [  # how numpy turns a square, in the order of TURNS
    lambda a: a,
    np.fliplr,
    np.flipud,
    lambda a: np.rot90(a, 2),
    np.transpose,
    lambda a: np.rot90(a, -1),
    lambda a: np.rot90(a, 1),
    lambda a: np.rot90(np.transpose(a), 2),
]


@pytest.fixture
def square():
    return np.random.default_rng(0).integers(0, 256, (GREY, GREY)).astype(np.float32)


def test_spectrum_is_the_cosine_transform(square):
    found = fingerprints.spectrum(torch.from_numpy(square)[None])[0]
    wanted = dctn(square, norm="ortho")[: len(found), : len(found)]
    wanted[0, 0] = 0
    np.testing.assert_allclose(found, wanted, atol=1e-2)


@pytest.mark.parametrize("way", range(len(TURNS)))
def test_turning_a_spectrum_is_turning_the_square(square, way):
    other = torch.from_numpy(TURNED[way](square).copy())[None]
    picture = torch.from_numpy(square)[None]
    assert torch.equal(fingerprints.turn(picture, torch.tensor([way])), other)
    ones = torch.ones(16, 16)
    turned = fingerprints.turned(fingerprints.whitened(fingerprints.spectrum(picture), ones))
    again = fingerprints.whitened(fingerprints.spectrum(other), ones)
    torch.testing.assert_close(turned[0, way], again[0], atol=1e-5, rtol=0)


def test_pictures_of_one_colour_are_like_no_other():
    flat = torch.full((1, GREY, GREY), 200.0)
    flat[0, 0, 0] = 201
    vectors = fingerprints.whitened(fingerprints.spectrum(flat), torch.ones(16, 16))
    assert float(vectors.norm()) < 0.05


def test_pooled_is_means_and_deviations():
    features = torch.rand(2, 3, 5, 4)
    found = fingerprints.pooled(features).numpy() ** 2
    flat = features.numpy().reshape(2, 3, -1)
    np.testing.assert_allclose(found, np.hstack([flat.mean(2), flat.std(2)]), rtol=1e-4)


def test_gram_is_the_gram_matrix_of_projected_features():
    features, basis = torch.randn(1, 6, 4, 4), torch.randn(6, 3)
    flat = basis.T.numpy() @ features[0].flatten(1).numpy()
    wanted = (flat @ flat.T / 16)[np.triu_indices(3)]
    found = fingerprints.gram(features, basis)[0].numpy()
    np.testing.assert_allclose(np.sign(found) * found**2, wanted, rtol=1e-3)


def test_a_rotated_file_is_seen_upright(tmp_path, photographs):
    picture = photographs["coffee"]
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned to the left
    for ending in ("jpg", "tif"):
        path = tmp_path / f"turned.{ending}"
        picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
        picture.save(tmp_path / f"plain.{ending}", quality=95)
        turned, plain = look(path), look(tmp_path / f"plain.{ending}")
        assert (turned.width, turned.height) == picture.size
        difference = turned.square.astype(int) - plain.square
        assert abs(difference).mean() < 3


def test_large_jpegs_are_seen_like_small_ones(tmp_path, photographs):
    picture = photographs["cat"]
    large = picture.resize((picture.width * 8, picture.height * 8), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.jpg", quality=95)
    picture.save(tmp_path / "small.png")
    difference = (
        look(tmp_path / "large.jpg").square.astype(int) - look(tmp_path / "small.png").square
    )
    assert abs(difference).mean() < 3


def test_transparency_is_laid_on_grey(tmp_path):
    Image.new("RGBA", (50, 40), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert abs(look(tmp_path / "clear.png").square.astype(int) - 128).max() <= 1


def test_descriptors_of_a_copy_are_closer_than_of_others(library, photographs):
    photographs["cat"].resize((200, 130)).save(library / "copy.jpg", quality=60)
    describer = Describer(calibration(), "cpu")
    paths = [library / name for name in ("cat.png", "copy.jpg", "coffee.png", "rocket.png")]
    seen = describer([look(path) for path in paths])
    for vectors in seen:
        cosines = vectors[0] @ vectors.T
        assert cosines[0] == pytest.approx(1, abs=1e-5)
        assert cosines[1] > 0.8
        assert cosines[1] > cosines[2:].max() + 0.2


def test_the_lightness_that_is_kept_is_the_pictures(library):
    seen = look(library / "coffee.png")
    wanted = np.asarray(Image.fromarray(seen.square).convert("L")).astype(int)
    kept = lightness([seen.grey])
    assert kept.shape == (1, SEEN, SEEN)
    assert abs(kept[0].numpy() - wanted).mean() < 3
    assert len(seen.grey) < SEEN**2 / 2
