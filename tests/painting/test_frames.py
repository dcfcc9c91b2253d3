import pytest
import torch

from velatura.painting.config import StyleConfig
from velatura.painting.engine import transfer
from velatura.painting.frames import FramePainter
from velatura.painting.image_terms import Earlier
from velatura.painting.objective import Objective
from velatura.perception import losses
from velatura.perception.vgg import VGG19

from ..conftest import random_image

CONFIG = StyleConfig(
    size=64,
    steps=(4,),
    precision="fp32",
    content_layers={"relu2_1": 1.0},
    style_layers={"relu1_1": 1.0, "relu2_1": 1.0},
    neighbor_weight=0.0,
    content_focus=0.0,
)


def smooth(generator, height=48, width=64):
    return torch.nn.functional.avg_pool2d(random_image(generator, height + 4, width + 4), 5, 1)


def test_the_temporal_loss_and_its_gradient_are_those_of_autograd(generator):
    image = random_image(generator, 8, 9).double().requires_grad_()
    target = random_image(generator, 8, 9).double()
    weights = torch.rand(1, 1, 8, 9, generator=generator, dtype=torch.float64)
    expected = (weights * (image - target) ** 2).sum() / (3 * 8 * 9)
    expected.backward()
    loss = losses.temporal(image.detach(), target, weights)
    torch.testing.assert_close(loss.value, expected.detach())
    torch.testing.assert_close(loss.gradient, image.grad)


@pytest.mark.parametrize("tile_pixels", [None, 200 * 200])
def test_an_objective_adds_it_whole_and_in_tiles(embedded, generator, tile_pixels):
    network = VGG19(embedded, CONFIG.layers)
    content, style, image, before = (random_image(generator, 96, 420) for _ in range(4))
    weights = torch.rand(1, 1, 96, 420, generator=generator)
    plain = Objective(network, content, [style], CONFIG, tile_pixels)
    held = Objective(
        network,
        content,
        [style],
        CONFIG,
        tile_pixels,
        statistics=plain.statistics,
        earlier=Earlier(before, weights, 3.0),
    )
    terms, gradient = held(image)
    without = plain(image)
    loss = losses.temporal(image, before, weights)
    assert terms["temporal"] == pytest.approx(3 * float(loss.value))
    assert {name: float(term) for name, term in terms.items() if name != "temporal"} == {
        name: float(term) for name, term in without[0].items()
    }
    torch.testing.assert_close(gradient - without[1], 3 * loss.gradient, rtol=1e-4, atol=1e-7)


def test_the_first_frame_of_a_shot_is_painted_as_a_picture(generator, painting):
    frame = smooth(generator)
    painter = FramePainter(painting, CONFIG)
    steps = list(painter.begin(frame, CONFIG))
    assert torch.equal(steps[-1].image, [*transfer(frame, painting, CONFIG)][-1].image)


def test_a_frame_stays_nearer_to_the_last_one_the_more_it_is_held(generator, painting):
    frame, before = smooth(generator), smooth(generator)
    painter = FramePainter(painting, CONFIG)
    painter.look(frame, CONFIG)

    def apart(weight):
        earlier = Earlier(before, torch.ones_like(before[:, :1]), weight)
        return float((painter.go_on(frame, earlier, CONFIG, 3) - before).square().mean())

    assert apart(1e4) < 0.5 * apart(0.0)


def test_what_is_known_of_the_styles_is_found_out_once(generator, painting):
    frame = smooth(generator)
    painter = FramePainter(painting, CONFIG)
    painter.look(frame, CONFIG)
    earlier = Earlier(frame, torch.zeros_like(frame[:, :1]), 1.0)
    painter.go_on(frame, earlier, CONFIG, 1)
    found = painter.statistics
    painter.go_on(smooth(generator), earlier, CONFIG, 1)
    assert found is not None
    assert painter.statistics is found


@pytest.mark.parametrize("colors", ["style", "content-luminance", "content-match"])
def test_colors_change_as_those_of_the_first_frame_did(generator, painting, colors):
    config = StyleConfig(**{**CONFIG.as_dict(), "colors": colors})
    frame = smooth(generator)
    painter = FramePainter(painting, config)
    painter.look(frame, config)
    first = painter._recoloured(frame, config)
    changed = frame.clone()
    changed[..., :8, :8] = 1.0
    second = painter._recoloured(changed, config)
    torch.testing.assert_close(
        first.content[..., 8:, 8:], second.content[..., 8:, 8:], rtol=0, atol=1e-5
    )
