from pathlib import Path

import pytest
import torch

from velatura.errors import ConfigError, WeightsError
from velatura.painting.config import StyleConfig
from velatura.painting.engine import transfer
from velatura.painting.learned import HALO, HIDDEN, SEEN, LearnedUpdates, UpdateNetwork
from velatura.painting.learned_models import REGISTRY, UpdateModel, load, save
from velatura.painting.optimizers import LBFGS, build
from velatura.training.modelfile import read_card


@pytest.fixture
def network(generator):
    """Weights that move far, in every layer."""
    network = UpdateNetwork(1)
    with torch.no_grad():
        network.leave.weight.normal_(generator=generator, std=0.3)
    return network.requires_grad_(False)


@pytest.fixture
def trained(network, tmp_path):
    """A file of updates, as `--updates` takes it."""
    save(tmp_path / "updates.safetensors", UpdateModel(network, {}))
    return str(tmp_path / "updates.safetensors")


def followed(optimizer, generator, size, steps=3):
    """The images that it makes of a quadratic's gradients."""
    image, best = torch.rand(2, 1, 3, *size, generator=generator)
    images = []
    for _ in range(steps):
        image = optimizer.step(image, image - best)
        images.append(image)
    return images


def learned(network, tile=512):
    return LearnedUpdates(network, torch.float32, LBFGS(), tile)


def test_an_untrained_network_is_lbfgs(generator):
    begun = generator.get_state()
    found = followed(learned(UpdateNetwork()), generator, (24, 32))
    expected = followed(LBFGS(), generator.set_state(begun), (24, 32))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_it_is_small_and_its_seed_decides(network):
    assert sum(parameter.numel() for parameter in network.parameters()) <= 490_000
    same, other = UpdateNetwork(1).enter.weight, UpdateNetwork(2).enter.weight
    assert torch.equal(network.enter.weight, same)
    assert not torch.equal(network.enter.weight, other)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (64, 9), (1, 40)])
def test_any_size_comes_back_in_its_own(network, generator, size):
    optimizer = learned(network)
    for image in followed(optimizer, generator, size):
        assert image.shape == (1, 3, *size)
        assert torch.isfinite(image).all()
    assert optimizer.hidden.shape == (1, HIDDEN, *size)
    assert 0 < optimizer.hidden.abs().max() <= 1


@pytest.mark.parametrize("size", [(200, 233), (130, 250)])
def test_tiles_equal_the_whole(network, generator, size):
    begun = generator.get_state()
    whole = followed(learned(network), generator, size)
    tiled = followed(learned(network, 64), generator.set_state(begun), size)
    torch.testing.assert_close(tiled[0], whole[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tiled[-1], whole[-1], atol=1e-3, rtol=1e-3)


def test_nothing_is_seen_beyond_the_halo(network, generator):
    seen = torch.randn(1, SEEN + HIDDEN, 8, 512, generator=generator)
    changed = seen.clone()
    changed[..., 256 + HALO :] += 1
    difference = (network(changed) - network(seen)).abs()
    assert difference[..., :256].max() == 0 < difference[..., 256:].max()


def test_a_painting_goes_on_where_it_stopped(trained, photograph, painting):
    config = StyleConfig(
        size=64, steps=(3, 4), optimizer="learned", updates=trained, precision="fp32"
    )
    steps, states = [], []
    for step in transfer(photograph, painting, config):
        steps.append(step.image)
        states.append(step.state())
    for stopped in (2, 3, 5):
        *_, last = transfer(photograph, painting, config, state=states[stopped - 1])
        assert torch.equal(last.image, steps[-1]), stopped


def test_it_forgets(trained, generator):
    config = StyleConfig(optimizer="learned", updates=trained, precision="fp32")
    optimizer = build(config)
    begun = generator.get_state()
    first = followed(optimizer, generator, (16, 24))
    optimizer.forget()
    again = followed(optimizer, generator.set_state(begun), (16, 24))
    assert torch.equal(first[0], again[0])


def test_a_file_keeps_a_network(trained, network):
    loaded = load(trained).network
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)


def test_one_comes_with_the_package():
    path = REGISTRY.shipped()["default"]
    assert path.stat().st_size <= 2_000_000
    assert {"command", "paintings", "licence", "curve"} <= {*read_card(path)}
    assert isinstance(build(StyleConfig(optimizer="learned")), LearnedUpdates)


def test_a_damaged_file_is_refused_in_one_line(trained):
    with Path(trained).open("r+b") as file:
        file.seek(5000)
        file.write(b"not weights")
    with pytest.raises(WeightsError, match="damaged") as raised:
        load(trained)
    assert "\n" not in str(raised.value)


def test_a_name_that_is_no_file_is_refused(generator):
    with pytest.raises(ConfigError, match="expected a file or one of"):
        build(StyleConfig(optimizer="learned", updates="nowhere.safetensors"))
