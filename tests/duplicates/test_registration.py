import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from velatura.duplicates.alignment import Fit, alignment, starts
from velatura.duplicates.fingerprints import GREY, SEEN, halved
from velatura.duplicates.registration import COARSE, FAINT, FINE, registered


def detail(picture):
    square = picture.convert("L").resize((SEEN, SEEN), Image.Resampling.BICUBIC, reducing_gap=2)
    return torch.from_numpy(np.array(square))[None]


def grey(picture):
    return halved(detail(picture))


def shapes_of(*pictures):
    return tuple(torch.tensor([picture.width / picture.height]) for picture in pictures)


def fit_of(one, other):
    return alignment(grey(one), grey(other), shapes_of(one, other))


def fits(one, other):
    return float(registered(grey(one), grey(other), fit_of(one, other)).correlation)


def cut(picture, share):
    width, height = round(picture.width * share), round(picture.height * share)
    left, top = (picture.width - width) // 3, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


WHOLE = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def at(place):
    return Fit(torch.zeros(1), torch.ones(1, dtype=torch.bool), torch.tensor([place]))


@pytest.mark.parametrize("share", [0.9, 0.77, 0.62, 0.5])
@pytest.mark.parametrize("name", ["coffee", "cat", "astronaut"])
def test_a_crop_of_any_size_fits_better_than_on_the_coarse_grid(photographs, name, share):
    picture = photographs[name]
    crop = cut(picture, share)
    found = fits(crop, picture)
    assert found > 0.8
    assert found > float(fit_of(crop, picture).correlation)
    assert fits(picture, crop) == pytest.approx(found, abs=1e-3)


def test_a_tilted_picture_fits(photographs):
    picture = photographs["astronaut"]
    for degrees in (3, 7, 10):
        tilted = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
        start = starts(grey(tilted), grey(picture), shapes_of(tilted, picture), 1)[0]
        assert float(registered(grey(tilted), grey(picture), start).correlation) > 0.8


def test_two_parts_of_one_wall_do_not_fit():
    wall = Image.fromarray(data.brick()).resize((700, 700))
    one, other = wall.crop((0, 0, 400, 300)), wall.crop((300, 350, 700, 650))
    assert fits(one, other) < 0.6
    assert fits(one, cut(one, 0.7)) > 0.8


def test_other_pictures_do_not_fit(photographs):
    names = list(photographs)
    for one, other in zip(names, names[1:] + names[:1], strict=True):
        assert fits(photographs[one], photographs[other]) < 0.5


def test_the_exact_place_is_found_from_beside_it(photographs):
    picture = photographs["coffee"]
    crop = picture.crop((0, 0, picture.width * 3 // 4, picture.height * 3 // 4))
    exact = [[0.75, 0.0, -0.25], [0.0, 0.75, -0.25]]
    near = [[0.77, 0.0, -0.22], [0.0, 0.74, -0.28]]
    wanted, found = (registered(grey(picture), grey(crop), at(x)) for x in (exact, near))
    assert float(found.correlation) == pytest.approx(float(wanted.correlation), abs=5e-3)
    assert np.allclose(found.place[0], exact, atol=0.02)


def test_it_is_the_correlation_of_what_is_neither_fine_nor_smooth():
    generator = np.random.default_rng(0)
    one = gaussian_filter(generator.normal(128, 400, (GREY, GREY)), 2).astype(np.float32)
    noise = gaussian_filter(generator.normal(0, 400, (GREY, GREY)), 2).astype(np.float32)
    other = 0.8 * one + 0.4 * noise
    squares = [torch.from_numpy(square)[None] for square in (one, other)]
    found = float(registered(*squares, at(WHOLE)).correlation)
    bands = [
        gaussian_filter(square, FINE, mode="nearest")
        - gaussian_filter(square, COARSE, mode="nearest")
        for square in (one, other)
    ]
    faint = np.prod([band.std() / (band.std() + FAINT) for band in bands])
    wanted = np.corrcoef(bands[0].ravel(), bands[1].ravel())[0, 1] * faint
    assert 0.5 < wanted <= found < wanted + 0.05  # a better place may be near


def test_what_lies_beyond_the_picture_is_not_compared(photographs):
    square = grey(photographs["cat"])
    beyond = registered(square, square, at([[1.0, 0.0, 1.2], [0.0, 1.0, 0.0]]))
    assert float(beyond.correlation) == -1


def test_flat_pictures_fit_nowhere(photographs):
    flat = Image.new("RGB", (300, 200), "grey")
    assert abs(fits(flat, photographs["cat"])) < 0.1
    assert abs(fits(flat, flat)) < 0.1
