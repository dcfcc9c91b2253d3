import numpy as np
import pytest
import torch
from PIL import Image

from velatura.superres.degrade import compressed, shrink

from ..conftest import random_image


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinking_equals_pillows_away_from_borders(scale, generator):
    picture = random_image(generator, 12 * scale, 15 * scale)
    found = shrink(picture, scale)
    assert found.shape == (1, 3, 12, 15)
    one = Image.fromarray(picture[0, 1].numpy())
    expected = np.asarray(one.resize((15, 12), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(found[0, 1, 2:-2, 2:-2], expected[2:-2, 2:-2], atol=1e-6)


def test_shrinking_mirrors_at_borders(generator):
    """As of a picture that is mirrored all around."""
    picture = random_image(generator, 16, 24)
    around = torch.cat([picture.flip(-1), picture, picture.flip(-1)], -1)
    around = torch.cat([around.flip(-2), around, around.flip(-2)], -2)
    inner = shrink(around, 4)[..., 4:8, 6:12]
    torch.testing.assert_close(shrink(picture, 4), inner, atol=1e-6, rtol=1e-6)


def test_lower_quality_is_farther(generator):
    picture = random_image(generator, 32, 32)
    far, near = ((compressed(picture, q) - picture).abs().mean() for q in (10, 95))
    assert far > near > 0
