import dataclasses

import pytest
import torch

from velatura.errors import WeightsError
from velatura.painting.config import StyleConfig
from velatura.painting.engine import transfer
from velatura.painting.learned import HALO, HIDDEN, Memory, UpdateNetwork, update
from velatura.painting.learned_models import UpdateModel, load, save
from velatura.painting.optimizers import LBFGS, build


@pytest.fixture
def network(generator):
    """Weights that move far, in every layer."""
    network = UpdateNetwork(1)
    with torch.no_grad():
        network.leave.weight.normal_(generator=generator, std=0.3)
    return network.requires_grad_(False)


@pytest.fixture
def shipped(network, tmp_path):
    """A file of updates, as `--updates` takes it."""
    save(tmp_path / "updates.safetensors", UpdateModel(network, {}))
    return str(tmp_path / "updates.safetensors")


def images(generator, height, width):
    """An image, the gradient there, and what is remembered of the look before."""
    image, gradient, last = torch.randn(3, 1, 3, height, width, generator=generator)
    hidden = torch.randn(1, HIDDEN, height, width, generator=generator).tanh()
    return image, gradient, Memory(torch.ones(1, 1, 1, 1), 0.02 * last, hidden)


def test_an_untrained_network_begins_as_lbfgs_does(generator):
    image, gradient, _ = images(generator, 24, 32)
    found, _ = update(UpdateNetwork(), image, gradient)
    torch.testing.assert_close(found, LBFGS().step(image, gradient))


def test_it_is_small_and_its_seed_decides(network):
    assert sum(parameter.numel() for parameter in network.parameters()) <= 490_000
    same, other = UpdateNetwork(1).enter.weight, UpdateNetwork(2).enter.weight
    assert torch.equal(network.enter.weight, same)
    assert not torch.equal(network.enter.weight, other)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (64, 9), (1, 40)])
def test_any_size_comes_back_in_its_own(network, generator, size):
    found, memory = update(network, *images(generator, *size))
    assert found.shape == memory.last.shape == (1, 3, *size)
    assert memory.hidden.shape == (1, HIDDEN, *size)
    assert torch.isfinite(found).all() and memory.hidden.abs().max() <= 1


@pytest.mark.parametrize("size", [(300, 333), (130, 250)])
def test_tiles_equal_the_whole(network, generator, size):
    shown = images(generator, *size)
    whole, tiled = (update(network, *shown, tile=tile) for tile in (None, 64))
    torch.testing.assert_close(tiled[0], whole[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tiled[1].hidden, whole[1].hidden, atol=1e-5, rtol=1e-5)


def test_nothing_is_seen_beyond_the_halo(network, generator):
    seen = torch.randn(1, 14 + HIDDEN, 8, 512, generator=generator)
    changed = seen.clone()
    changed[..., 256 + HALO :] += 1
    difference = (network(changed) - network(seen)).abs()
    assert difference[..., :256].max() == 0 < difference[..., 256:].max()


def test_a_batch_is_looked_at_picture_by_picture(network, generator):
    ones = [images(generator, 24, 32) for _ in range(2)]
    both = [torch.cat(pair) for pair in zip(*(one[:2] for one in ones), strict=True)]
    memory = Memory(*(torch.cat(pair) for pair in zip(*(one[2] for one in ones), strict=True)))
    found, _ = update(network, *both, memory)
    expected = torch.cat([update(network, *one)[0] for one in ones])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_length_of_the_gradient_does_not_matter(network, generator):
    image, gradient, _ = images(generator, 24, 32)
    once, memory = update(network, image, gradient)
    other, longer = update(network, image, 64 * gradient)
    torch.testing.assert_close(other, once)
    further = update(network, once, gradient / 2, memory)[0]
    torch.testing.assert_close(update(network, other, 32 * gradient, longer)[0], further)


def test_a_painting_goes_on_where_it_stopped(shipped, photograph, painting):
    config = StyleConfig(
        size=64, steps=(3, 4), optimizer="learned", updates=shipped, precision="fp32"
    )
    steps, states = [], []
    for step in transfer(photograph, painting, config):
        steps.append(step.image)
        states.append(step.state())
    for stopped in (2, 3, 5):
        *_, last = transfer(photograph, painting, config, state=states[stopped - 1])
        assert torch.equal(last.image, steps[-1]), stopped


def test_the_learning_rate_is_the_moves_length(shipped, generator):
    image, gradient, _ = images(generator, 24, 32)
    config = StyleConfig(optimizer="learned", updates=shipped, precision="fp32")
    once = build(config).step(image, gradient)
    half = build(dataclasses.replace(config, learning_rate=0.5)).step(image, gradient)
    torch.testing.assert_close(half - image, 0.5 * (once - image))


def test_a_file_keeps_a_network(shipped, network):
    loaded = load(shipped).network
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)


def test_a_damaged_file_is_refused_in_one_line(shipped):
    with open(shipped, "r+b") as file:
        file.seek(5000)
        file.write(b"not weights")
    with pytest.raises(WeightsError, match="damaged") as raised:
        load(shipped)
    assert "\n" not in str(raised.value)
