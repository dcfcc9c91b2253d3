import numpy as np
import pytest
import torch
from PIL import Image

from velatura.duplicates.alignment import alignment


def grey(picture, side=32):
    return torch.from_numpy(
        np.asarray(picture.convert("L").resize((side, side), Image.Resampling.BOX)).copy()
    )


def aligned(one, other):
    proportions = torch.tensor([one.width / one.height / (other.width / other.height)])
    return float(alignment(grey(one)[None], grey(other)[None], proportions))


@pytest.mark.parametrize("share", [1.0, 0.9, 0.7, 0.5])
def test_a_crop_fits_into_its_picture(photographs, share):
    picture = photographs["coffee"]
    width, height = round(picture.width * share), round(picture.height * share)
    left, top = (picture.width - width) // 3, (picture.height - height) // 2
    crop = picture.crop((left, top, left + width, top + height))
    assert aligned(crop, picture) > 0.75
    assert aligned(picture, crop) == pytest.approx(aligned(crop, picture), abs=1e-4)


def test_a_crop_of_other_proportions_fits(photographs):
    picture = photographs["astronaut"]
    strip = picture.crop((20, 60, picture.width - 20, picture.height - 60))
    assert aligned(strip, picture) > 0.75


def test_other_pictures_do_not_fit(photographs):
    names = list(photographs)
    for one, other in zip(names, names[1:] + names[:1], strict=True):
        assert aligned(photographs[one], photographs[other]) < 0.7


def test_flat_pictures_fit_nowhere(photographs):
    flat = Image.new("RGB", (300, 200), "grey")
    assert abs(aligned(flat, photographs["cat"])) < 0.1


def test_scale_one_is_the_plain_correlation():
    """Squares as wide as each other, of one scale: Pearson's correlation, a little less."""
    generator = np.random.default_rng(0)
    one = generator.normal(128, 40, (32, 32)).astype(np.float32)
    other = (0.8 * one + 0.6 * generator.normal(128, 40, (32, 32))).astype(np.float32)
    found = float(
        alignment(torch.from_numpy(one)[None], torch.from_numpy(other)[None], torch.ones(1))
    )
    wanted = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    assert wanted * (40 / 43) ** 2 == pytest.approx(found, abs=0.02)
