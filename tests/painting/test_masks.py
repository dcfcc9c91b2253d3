"""Where which style goes."""

import numpy as np
import pytest
import torch
from PIL import Image

from velatura import ConfigError, ImageError, StyleConfig, stylize, transfer
from velatura.images.io import read
from velatura.images.resize import gaussian_blur
from velatura.painting.objective import Objective
from velatura.perception import losses
from velatura.perception.vgg import VGG19

from ..conftest import random_image

SHALLOW = {"relu1_1": 1.0, "relu2_1": 1.0}
CONFIG = StyleConfig(
    content_layers={"relu2_1": 1.0},
    style_layers=SHALLOW,
    neighbor_layers=SHALLOW,
    style_loss="gram",
)


def halves(height, width, soft=0):
    """White on the left, and its complement."""
    left = torch.zeros(1, 1, height, width)
    left[..., : width // 2] = 1
    if soft:
        left = gaussian_blur(left, soft)
    return [left, 1 - left]


@pytest.fixture
def scene(embedded, generator):
    network = VGG19(embedded, SHALLOW, padding="zero", dtype=torch.float64).double()
    images = [gaussian_blur(random_image(generator, 90, 84), 1.0).double() for _ in range(4)]
    return network, images[0], images[1:3], images[3]


def test_guided_moments_are_the_definition(generator):
    f = torch.randn(1, 3, 4, 5, generator=generator, dtype=torch.float64)
    w = torch.rand(1, 1, 4, 5, generator=generator, dtype=torch.float64)
    guided = (w.sqrt() * f).flatten(2)[0]
    torch.testing.assert_close(losses.moments(f, f.dtype, w), guided @ guided.T)


@pytest.mark.parametrize("tile_pixels", [None, 60 * 60])
def test_the_gradient_equals_finite_differences_whole_and_in_tiles(scene, generator, tile_pixels):
    network, content, styles, image = scene
    masks = [mask.double() for mask in halves(90, 84, soft=3)]
    objective = Objective(network, content, styles, CONFIG, tile_pixels, masks=masks)
    assert (objective.tiles > 1) == bool(tile_pixels)
    _, gradient = objective(image)
    direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
    direction += gradient * (direction.norm() / gradient.norm())
    h = 1e-6
    ahead, behind = (sum(objective(image + k * direction)[0].values()) for k in (h, -h))
    expected = float((gradient * direction).sum())
    assert float((ahead - behind) / (2 * h)) == pytest.approx(expected, rel=1e-4)


def test_all_white_masks_change_nothing(scene):
    network, content, styles, image = scene
    white = [torch.ones(1, 1, 90, 84, dtype=torch.float64)]
    plain = Objective(network, content, styles[:1], CONFIG)(image)
    masked = Objective(network, content, styles[:1], CONFIG, masks=white, style_masks=white)(image)
    torch.testing.assert_close(masked[1], plain[1])


def test_a_regions_gradient_does_not_know_the_style_of_another(scene):
    """Only near the border, as far as the deepest layer sees, do two styles meet."""
    network, content, styles, image = scene
    config = StyleConfig(
        content_layers={}, content_weight=0, style_layers=SHALLOW, neighbor_weight=0
    )
    masks = [mask.double() for mask in halves(90, 84)]
    gradients = [
        Objective(network, content, pair, config, masks=masks)(image)[1]
        for pair in (styles, [styles[0], 1 - styles[1]])
    ]
    torch.testing.assert_close(gradients[0][..., :36], gradients[1][..., :36])
    assert not torch.allclose(gradients[0][..., 48:], gradients[1][..., 48:])


def test_style_masks_leave_the_rest_of_a_painting_out(scene):
    network, content, styles, image = scene
    changed = styles[0].clone()
    changed[..., 60:] = 0.1
    left = torch.zeros(1, 1, 90, 84, dtype=torch.float64)
    left[..., :48] = 1
    gradients = [
        Objective(network, content, [style], CONFIG, style_masks=[left])(image)[1]
        for style in (styles[0], changed)
    ]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_statistics_outside_a_region_stay_whatever_style_is_painted_inside(
    embedded, tmp_path, photograph, painting
):
    """Measured in Gram matrices at a layer that nothing was optimised for."""
    left, right = (mask[0, 0].mul(255).byte().numpy() for mask in halves(64, 96))
    paths = [str(tmp_path / name) for name in ("left.png", "right.png")]
    for path, mask in zip(paths, (left, right), strict=True):
        Image.fromarray(mask).save(path)
    other = painting.transpose(Image.Transpose.TRANSPOSE).convert("L").convert("RGB")
    config = StyleConfig(
        mask=tuple(paths),
        steps=(60,),
        single_scale=True,
        precision="fp32",
        palette="photograph",
        content_layers={"relu2_1": 1.0},
        style_layers=SHALLOW,
    )
    same, changed = (
        list(transfer(photograph, [painting, inside], config))[-1].image
        for inside in (painting, other)
    )
    network = VGG19(embedded, ["relu1_2"])

    def change(columns):
        with torch.no_grad():
            grams = [
                losses.moments(network(image[..., columns], ["relu1_2"])["relu1_2"])
                for image in (same, changed)
            ]
        return float((grams[0] - grams[1]).norm() / grams[0].norm())

    outside, inside = change(slice(0, 40)), change(slice(56, 96))
    assert inside > 0.2
    assert outside < 0.3 * inside


def test_masks_are_as_many_as_styles_white_somewhere_and_in_shape(tmp_path, photograph, painting):
    black, square = tmp_path / "black.png", tmp_path / "square.png"
    Image.new("L", (96, 64)).save(black)
    Image.new("L", (64, 64), 255).save(square)
    for options, error, told in (
        ({"mask": (str(black),) * 2}, ConfigError, "mask: expected 1 images for 1 styles"),
        ({"style_mask": (str(black),) * 2}, ConfigError, "style-mask: expected 1 images"),
        ({"mask": (str(black),)}, ImageError, "expected a mask with some white"),
        ({"mask": (str(square),)}, ImageError, "in the shape of its image, 96×64"),
        ({"mask": (str(tmp_path / "none.png"),)}, ImageError, "found nothing"),
    ):
        with pytest.raises(error, match=told):
            next(transfer(photograph, [painting], StyleConfig(**options)))


def test_grey_values_are_read_as_soft_edges(tmp_path, photograph, painting):
    ramp = torch.linspace(0, 255, 96).byte().expand(64, 96).numpy().copy()
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    assert 0.4 < float(read(tmp_path / "ramp.png").pixels.mean()) < 0.6
    config = StyleConfig(mask=(str(tmp_path / "ramp.png"),), steps=(2,), precision="fp32")
    assert torch.isfinite(next(transfer(photograph, [painting], config)).image).all()


@pytest.mark.parametrize("option", ["mask", "style_mask"])
def test_a_mask_narrower_than_a_layers_positions_asks_nothing_of_it(
    tmp_path, photograph, painting, option
):
    """relu5_1 has a position for every 16 pixels; the last 12 columns of 76 have none."""
    columns = np.zeros((64, 76), np.uint8)
    columns[:, -12:] = 255
    Image.fromarray(columns).save(tmp_path / "edge.png")
    images = [image.resize((76, 64)) for image in (photograph, painting)]
    config = StyleConfig(**{option: (str(tmp_path / "edge.png"),)}, single_scale=True, steps=(2,))
    for step in transfer(*images, config):
        assert step.loss < 100
        assert torch.isfinite(step.image).all()


def test_masks_may_be_arrays_images_and_tensors(tmp_path, photograph, painting):
    """Each gives the picture that the same mask gives as a file."""
    size = read(photograph).size
    array = np.zeros(size, np.uint8)
    array[:, : size[1] // 2] = 255
    image = Image.fromarray(array)
    image.save(tmp_path / "left.png")
    tensor = torch.from_numpy(array / 255.0)[None, None]
    rest = 255 - array
    Image.fromarray(rest).save(tmp_path / "rest.png")
    options = {"size": 32, "steps": (1,), "precision": "fp32"}
    styles = [painting, photograph]

    def paint(left):
        return np.asarray(stylize(photograph, styles, masks=[left, rest], **options))

    named = (str(tmp_path / "left.png"), str(tmp_path / "rest.png"))
    wanted = np.asarray(stylize(photograph, styles, mask=named, **options))
    unmasked = np.asarray(stylize(photograph, styles, **options))
    assert (wanted != unmasked).any()
    for left in (array, image, tensor, tensor[0], tensor[0, 0] > 0.5, tmp_path / "left.png"):
        assert (paint(left) == wanted).all()


@pytest.mark.parametrize("name", ["masks", "style_masks"])
def test_a_mask_too_few_is_told(photograph, painting, name):
    with pytest.raises(ConfigError, match=f"{name}: expected 2 images for 2 styles, got 1"):
        stylize(photograph, [painting, painting], size=32, **{name: [photograph]})


@pytest.mark.parametrize("name", ["masks", "style_masks"])
def test_masks_come_as_styles_do_one_or_several_in_any_iterable(photograph, painting, name):
    mask = np.zeros(read(photograph if name == "masks" else painting).size, np.float32)
    mask[:, : mask.shape[1] // 2] = 1
    options = {"size": 32, "steps": (1,), "precision": "fp32"}

    def paint(given):
        return np.asarray(stylize(photograph, painting, **{name: given}, **options))

    wanted = paint([mask])
    for given in (mask, torch.from_numpy(mask)[None, None], mask > 0, iter([mask])):
        assert (paint(given) == wanted).all()
    with pytest.raises(ConfigError, match=f"{name}: expected a list, as their order matters"):
        paint({"left.png"})
