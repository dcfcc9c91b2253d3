import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from velatura.images.resize import fit, gaussian_blur, resize


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(16, 5000))
def test_fit_sets_the_long_side_and_keeps_the_shape(height, width, long_side):
    h, w = fit((height, width), long_side)
    assert max(h, w) == long_side
    assert min(h, w) >= 1
    assert abs(h * width - w * height) <= max(height, width)


def test_shrinking_agrees_with_pillow(photograph):
    image = torch.from_numpy(np.asarray(photograph) / np.float32(255)).permute(2, 0, 1)[None]
    ours = resize(image, (21, 32))[0].permute(1, 2, 0).numpy() * 255
    pillows = np.asarray(photograph.resize((32, 21), Image.Resampling.BICUBIC)).astype(float)
    assert np.abs(ours - pillows).max() < 2


def test_overshoot_is_clamped():
    image = torch.zeros(1, 3, 8, 8)
    image[..., 4:] = 1
    assert 0 <= float(resize(image, (31, 31)).min()) <= float(resize(image, (31, 31)).max()) <= 1


def test_a_blur_of_nothing_changes_nothing(generator):
    image = torch.rand(1, 3, 8, 8, generator=generator)
    assert torch.equal(gaussian_blur(image, 0.0), image)
