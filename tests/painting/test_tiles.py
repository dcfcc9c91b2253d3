import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from velatura.images.resize import gaussian_blur
from velatura.painting.config import StyleConfig
from velatura.painting.objective import Objective
from velatura.painting.tiles import split
from velatura.perception.layers import geometry
from velatura.perception.vgg import VGG19

from ..conftest import random_image

DEEPEST = geometry("relu5_1")


def test_geometry_of_vgg():
    assert geometry("conv1_1") == (1, 1)
    assert geometry("relu2_1") == (2, 4)
    assert geometry("relu5_1") == (16, 70)
    assert geometry("pool5") == (32, 118)


def test_geometry_is_what_gradients_reach(embedded):
    """One position's gradient ends exactly where `reach` says."""
    network = VGG19(embedded, ["relu3_1"], pooling="average")
    image = torch.full((1, 3, 96, 96), 0.5, requires_grad=True)
    network(image, ["relu3_1"])["relu3_1"][..., 10, 10].sum().backward()
    touched = image.grad.abs().sum((0, 1, 3)).nonzero()
    stride, reach = geometry("relu3_1")
    assert (int(touched.min()), int(touched.max())) == (
        10 * stride - reach,
        11 * stride + reach - 1,
    )


@settings(deadline=None, max_examples=30)
@given(
    st.integers(32, 2000),
    st.integers(32, 2000),
    st.integers(1000, 4_000_000),
    st.sampled_from(["relu1_1", "relu3_1", "relu5_1", "pool5"]),
)
def test_every_pixel_and_position_is_owned_once(height, width, pixels, layer):
    deepest = geometry(layer)
    tiles = split((height, width), deepest, pixels)
    owned = torch.zeros(height // deepest.stride, width // deepest.stride, dtype=torch.int)
    for rows, columns in tiles:
        positions = [
            torch.arange(s.window_start // deepest.stride, s.window_stop // deepest.stride)[
                s.owned(deepest.stride)
            ]
            for s in (rows, columns)
        ]
        owned[positions[0][:, None], positions[1][None]] += 1
    assert (owned == 1).all()


def test_windows_keep_to_the_limit_and_one_tile_sees_all():
    tiles = split((3464, 5176), DEEPEST, 2_600_000)
    assert (
        max((r.window_stop - r.window_start) * (c.window_stop - c.window_start) for r, c in tiles)
        <= 2_600_000
    )
    (tile,) = split((3464, 5176), DEEPEST)
    assert tile.rows.window == slice(0, 3464)
    assert tile.columns.window == slice(0, 5176)


MIDDLE = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0}
CONFIGS = {
    "default": StyleConfig(style_layers=MIDDLE),
    "zero padding": StyleConfig(padding="zero", style_layers=MIDDLE),
    "average pooling": StyleConfig(pooling="average", padding="zero", style_layers=MIDDLE),
    "gram": StyleConfig(
        style_loss="gram", content_loss="mse", content_weight=1e-4, style_layers=MIDDLE
    ),
    "gram by elements and tv": StyleConfig(
        style_loss="gram", gram_norm="elements", tv_weight=0.5, style_layers=MIDDLE
    ),
    "before relu and pools": StyleConfig(
        content_layers={"conv2_2": 1.0}, style_layers={"pool1": 1.0, "conv3_1": 1.0}
    ),
    "two styles": StyleConfig(blend=(1.0, 2.0), style_layers=MIDDLE),
}


def both(embedded, generator, config, size, tile_pixels, dtype):
    """Terms and gradients of the whole image and of its tiles, and the number of these."""
    network = VGG19(
        embedded, config.layers, pooling=config.pooling, padding=config.padding, dtype=dtype
    ).to(dtype)
    # As unlike as pictures are: between two fields of noise the distances drown in rounding.
    content = gaussian_blur(random_image(generator, *size), 3.0).to(dtype)
    image = (random_image(generator, *size) ** 2).to(dtype)
    styles = [
        gaussian_blur(random_image(generator, 119, 87), 1.0 + k).to(dtype)
        for k in range(max(1, len(config.blend)))
    ]
    focus = random_image(generator, 10, 8)[:, :1]
    whole = Objective(network, content, styles, config, focus=focus)
    tiled = Objective(network, content, styles, config, tile_pixels, focus=focus)
    return whole(image), tiled(image), tiled.tiles


@pytest.mark.parametrize("name", CONFIGS)
def test_tiles_give_the_loss_and_gradient_of_the_whole(embedded, generator, name):
    """In float64, where nothing but a real difference can be seen."""
    size = tuple(int(n) for n in torch.randint(140, 170, (2,), generator=generator))
    (terms, gradient), (tiled_terms, tiled_gradient), tiles = both(
        embedded, generator, CONFIGS[name], size, 125 * 125, torch.float64
    )
    assert tiles > 1
    assert list(tiled_terms) == list(terms)
    for term, value in terms.items():
        assert float(tiled_terms[term]) == pytest.approx(float(value), rel=1e-6)
    assert float((tiled_gradient - gradient).norm() / gradient.norm()) < 1e-6


@pytest.mark.parametrize(
    "config",
    [StyleConfig(style_loss="gram", content_loss="mse", content_weight=1e-4), StyleConfig()],
    ids=["gram", "wasserstein"],
)
def test_tiles_agree_in_float32_too(embedded, generator, config):
    (terms, gradient), (tiled_terms, tiled_gradient), tiles = both(
        embedded, generator, config, (263, 231), 200 * 200, torch.float32
    )
    assert tiles > 1
    loss, tiled_loss = float(sum(terms.values())), float(sum(tiled_terms.values()))
    assert tiled_loss == pytest.approx(loss, rel=1e-4)
    assert float((tiled_gradient - gradient).norm() / gradient.norm()) < 1e-4
