import numpy as np
import pytest
import torch
from PIL import Image

from velatura.duplicates.agreement import agreement
from velatura.duplicates.alignment import Fit
from velatura.duplicates.fingerprints import SEEN

WHOLE = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def detail(picture):
    square = picture.convert("L").resize((SEEN, SEEN), Image.Resampling.BICUBIC, reducing_gap=2)
    return torch.from_numpy(np.array(square))[None]


def at(place):
    return Fit(torch.zeros(1), torch.ones(1, dtype=torch.bool), torch.tensor([place]))


def agree(one, other):
    """`agreement` of pictures that lie on each other."""
    return agreement(detail(one), detail(other), at(WHOLE))[0].tolist()


def bars(missing):
    """Nine black bars on white, less one of them."""
    picture = Image.new("L", (288, 288), "white")
    for number in {*range(9)} - {missing}:
        left, top = 40 + 80 * (number % 3), 60 + 80 * (number // 3)
        picture.paste(0, (left, top, left + 48, top + 20))
    return picture


def test_a_copy_agrees_everywhere():
    one = bars(missing=None)
    small, paler = one.resize((100, 100)), one.point(lambda value: 100 + value // 3)
    noise = np.random.default_rng(0).normal(0, 20, (288, 288))
    noisy = Image.fromarray((np.asarray(one) + noise).clip(0, 255).astype(np.uint8))
    assert agree(one, one)[0] > 0.7
    assert agree(small, one)[0] > 0.5
    assert agree(one, paler)[0] > 0.4
    assert agree(noisy, one)[1] > 0.5


def test_one_bar_missing_is_seen_where_it_is_missing():
    lowest, low, mean, strokes = agree(bars(missing=None), bars(missing=4))
    assert strokes < 0.1
    assert lowest < 0.2 < low < mean
    assert 0.7 < mean < 0.95


def test_the_order_of_two_pictures_does_not_matter():
    one, other = bars(missing=1), bars(missing=4).point(lambda value: 50 + value // 2)
    assert agree(one, other) == pytest.approx(agree(other, one), abs=1e-4)


def test_what_is_flat_in_both_does_not_count():
    plain = Image.new("L", (288, 288), "white")
    assert agree(plain, plain) == pytest.approx([0, 0, 0, 0], abs=1e-3)
    half = bars(missing=None).crop((0, 0, 288, 130)).resize((288, 130))
    plain.paste(half, (0, 0))
    assert agree(plain, plain)[0] > 0.7


def test_lines_of_text_in_the_same_rows_are_not_enough():
    generator = np.random.default_rng(0)

    def lines():
        picture = np.full((SEEN, SEEN), 255.0)
        for top in range(8, 88, 6):
            words = np.repeat(generator.random(20) < 0.7, 4)
            picture[top : top + 3, 8:88] -= 200 * words
        return Image.fromarray(picture.astype(np.uint8))

    one, other = lines(), lines()
    assert np.corrcoef(np.ravel(one), np.ravel(other))[0, 1] > 0.5
    assert agree(one, other)[0] < 0
    assert agree(one, one)[0] > 0.7


def test_only_where_both_pictures_are_is_compared():
    one = bars(missing=None)
    part = one.crop((0, 0, 144, 288))
    framed = agreement(detail(one), detail(part), at([[0.5, 0.0, -0.5], [0.0, 1.0, 0.0]]))
    assert float(framed[0, 0]) > 0.5


def test_a_gap_in_a_straight_stroke_is_seen():
    whole = Image.new("L", (SEEN, SEEN), "white")
    whole.paste(0, (20, 20, 76, 28))
    whole.paste(0, (20, 20, 28, 76))
    whole.paste(0, (68, 20, 76, 76))
    gap = whole.copy()
    gap.paste(255, (68, 36, 76, 60))
    assert agree(whole, gap)[3] < 0.1
    assert agree(whole, whole)[3] > 0.9
