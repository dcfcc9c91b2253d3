import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from velatura.duplicates.alignment import BLUR, FAINT, SIDE, alignment, starts


def grey(picture, side=32):
    return torch.from_numpy(
        np.asarray(picture.convert("L").resize((side, side), Image.Resampling.BOX)).copy()
    )


def shapes_of(*pictures):
    return tuple(torch.tensor([picture.width / picture.height]) for picture in pictures)


def fitted(one, other):
    return alignment(grey(one)[None], grey(other)[None], shapes_of(one, other))


def aligned(one, other):
    return float(fitted(one, other).correlation)


def started(one, other, count=1):
    found = starts(grey(one, 48)[None], grey(other, 48)[None], shapes_of(one, other), count)
    return [float(fit.correlation) for fit in found]


@pytest.mark.parametrize("share", [1.0, 0.9, 0.7, 0.5])
def test_a_crop_fits_into_its_picture(photographs, share):
    picture = photographs["coffee"]
    width, height = round(picture.width * share), round(picture.height * share)
    left, top = (picture.width - width) // 3, (picture.height - height) // 2
    crop = picture.crop((left, top, left + width, top + height))
    assert aligned(crop, picture) > 0.65
    assert aligned(picture, crop) == pytest.approx(aligned(crop, picture), abs=1e-4)


def test_a_crop_of_other_proportions_fits(photographs):
    picture = photographs["astronaut"]
    strip = picture.crop((20, 60, picture.width - 20, picture.height - 60))
    assert aligned(strip, picture) > 0.65


def test_a_crop_lies_where_it_was_cut(photographs):
    picture = photographs["astronaut"]
    crop = picture.crop((100, 40, 100 + picture.width // 2, 40 + picture.height // 2))
    place = [
        [0.5, 0, (2 * 100 + crop.width) / picture.width - 1],
        [0, 0.5, (2 * 40 + crop.height) / picture.height - 1],
    ]
    for one, other, inside in ((picture, crop, True), (crop, picture, False)):
        fit = fitted(one, other)
        assert bool(fit.inside) is inside
        assert np.allclose(fit.place[0], place, atol=2 / SIDE)


def test_other_pictures_do_not_fit(photographs):
    names = list(photographs)
    for one, other in zip(names, names[1:] + names[:1], strict=True):
        assert aligned(photographs[one], photographs[other]) < 0.6


def test_flat_pictures_fit_nowhere(photographs):
    flat = Image.new("RGB", (300, 200), "grey")
    assert abs(aligned(flat, photographs["cat"])) < 0.1


def test_tilted_pictures_fit_once_they_are_tilted_back(photographs):
    picture = photographs["astronaut"].crop((0, 60, 320, 280))
    tilted = picture.rotate(10, Image.Resampling.BICUBIC, expand=True)
    assert aligned(tilted, picture) < 0.5
    assert started(tilted, picture)[0] > 0.6
    assert started(picture, tilted)[0] > 0.6


def test_starts_come_the_best_first(photographs):
    found = started(photographs["cat"], photographs["cat"], 8)
    assert found[0] > 0.85
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 8


def test_at_full_scale_it_is_the_correlation_of_what_is_not_smooth():
    generator = np.random.default_rng(0)
    one = generator.normal(128, 40, (32, 32)).astype(np.float32)
    other = (0.8 * one + 0.6 * generator.normal(128, 40, (32, 32))).astype(np.float32)
    squares = [torch.from_numpy(square)[None] for square in (one, other)]
    found = float(alignment(*squares, (torch.ones(1), torch.ones(1))).correlation)
    rough = [square - gaussian_filter(square, BLUR, mode="nearest") for square in (one, other)]
    faint = np.prod([square.std() / (square.std() + FAINT) for square in rough])
    wanted = np.corrcoef(rough[0].ravel(), rough[1].ravel())[0, 1] * faint
    assert found == pytest.approx(wanted, abs=1e-3)
