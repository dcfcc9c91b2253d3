import pytest
import torch
from torch.nn import functional as F

from velatura.painting import neighbors
from velatura.painting.config import StyleConfig
from velatura.painting.neighbors import NeighborTerm, StyleFeatures, most_alike
from velatura.painting.objective import Objective
from velatura.painting.terms import Region
from velatura.painting.walk import Walk
from velatura.painting.workers import Workers
from velatura.perception.vgg import VGG19

from ..conftest import random_image

LAYERS = ("relu2_1", "relu3_1", "relu4_1")
ALL = {name: {0: 1.0} for name in LAYERS}


@pytest.fixture(scope="module")
def network(embedded):
    return VGG19(embedded, LAYERS, padding="replicate")


def walk_over(network, tile_pixels=None):
    def walk(image, layers):
        size = (image.shape[-2], image.shape[-1])
        return Walk(network, size, layers, tile_pixels, Workers())

    return walk


def features_of(network, image, mask=None, tile_pixels=None, most=neighbors.MOST, turns=4):
    with torch.no_grad():
        return StyleFeatures(LAYERS, walk_over(network, tile_pixels), image, mask, most, turns)


def columns(network, image):
    """All layers at the positions of relu3_1, each centred and of the same energy."""
    with torch.no_grad():
        seen = network(image, list(LAYERS))
    rows, width = seen["relu3_1"].shape[-2:]
    parts = []
    for name in LAYERS:
        found = seen[name]
        if name == "relu2_1":
            found = F.avg_pool2d(found, 2)
        if name == "relu4_1":
            found = found.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., :rows, :width]
        parts.append(found[0].flatten(1).T.double())
    return parts


def test_a_place_gets_the_position_with_the_greatest_cosine(network, generator, monkeypatch):
    """With all components kept the comparison is that of the whole columns, one by one."""
    monkeypatch.setattr(neighbors, "COMPONENTS", 512)
    style, image = (random_image(generator, 32, 48) for _ in range(2))
    found = features_of(network, style, turns=1).nearest(walk_over(network)(image, LAYERS), image)
    there, here = columns(network, style), columns(network, image)
    spread = [(part - part.mean(0)).square().sum(1).mean().sqrt() for part in there]
    keys, queries = (
        torch.cat([(p - p.mean(0)) / s for p, s in zip(parts, spread, strict=True)], 1)
        for parts in (there, here)
    )
    cosines = torch.stack(
        [F.cosine_similarity(query[None], keys, dim=1) for query in queries]
    )  # (N, P)
    best, chosen = cosines.max(1).values, cosines.gather(1, found.flatten()[:, None])[:, 0]
    assert found.shape == (8, 12)
    torch.testing.assert_close(chosen, best, rtol=1e-4, atol=1e-4)


def test_the_style_itself_is_its_own_neighbour(network, generator):
    style = random_image(generator, 32, 48)
    with torch.no_grad():
        walk = walk_over(network)(style, LAYERS)
        term = NeighborTerm(
            dict.fromkeys(LAYERS, 1.0), walk, [features_of(network, style)], [Region(None, ALL)]
        )
        term.begin(style)
        gradients = {}
        walk.forward(
            style, lambda part, seen: gradients.update({part.layer: term.backward(part, seen)})
        )
    assert set(gradients) == set(LAYERS)
    assert all(float(value) < 1e-9 for value in term.values(Workers()).values())


def test_a_turned_style_is_found_as_well(network, generator):
    """The image is the style upside down: only a turned style has these features."""
    style = random_image(generator, 32, 48)
    image = style.rot90(2, (2, 3)).contiguous()
    found = features_of(network, style).nearest(walk_over(network)(image, LAYERS), image)
    rows = 8 * 12
    assert (found.flatten() == 2 * rows + torch.arange(rows)).float().mean() > 0.95


def test_the_part_of_a_style_that_is_masked_out_is_never_used(network, generator):
    style, image = random_image(generator, 32, 48), random_image(generator, 32, 32)
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., :16] = 1
    whole, half = features_of(network, style), features_of(network, style, mask)
    assert len(half.keys) == len(whole.keys) / 3
    kept = {tuple(row) for row in half.rows["relu3_1"].tolist()}
    with torch.no_grad():
        seen = network(style, ["relu3_1"])["relu3_1"][0]
    assert {tuple(row) for row in seen[..., :4].flatten(1).T.tolist()} <= kept
    assert not {tuple(row) for row in seen[..., 4:].flatten(1).T.tolist()} & kept
    assert half.nearest(walk_over(network)(image, LAYERS), image).max() < len(half.keys)


def test_of_a_large_style_some_positions_are_compared_the_same_each_time(network, generator):
    style = random_image(generator, 48, 64)
    one, other = (features_of(network, style, most=40) for _ in range(2))
    assert len(one.keys) == 40
    torch.testing.assert_close(one.rows, other.rows)


@pytest.mark.parametrize("size", [(61, 83), (64, 96)])
def test_in_tiles_the_same_neighbours_are_found(embedded, generator, size):
    net = VGG19(embedded, LAYERS, padding="replicate", dtype=torch.float64).double()
    style, image = random_image(generator, 70, 54).double(), random_image(generator, *size).double()
    whole = features_of(net, style).nearest(walk_over(net)(image, LAYERS), image)
    tiled = features_of(net, style, tile_pixels=1600)
    over = walk_over(net, 1600)(image, LAYERS)
    assert over.tiles > 1
    assert (tiled.nearest(over, image) == whole).float().mean() > 0.99


def test_each_region_takes_after_its_own_style(embedded, generator):
    config = StyleConfig(content_weight=0, style_layers={}, color_weight=0)
    net = VGG19(embedded, config.layers, padding="replicate")
    image = random_image(generator, 32, 64)
    styles = [random_image(generator, 32, 64) for _ in range(2)]
    left = torch.zeros(1, 1, 32, 64)
    left[..., :32] = 1
    gradients = []
    for second in (styles[1], random_image(generator, 32, 64)):
        objective = Objective(net, image, [styles[0], second], config, masks=[left, 1 - left])
        gradients.append(objective(image)[1])
    change = (gradients[0] - gradients[1]).abs().mean((0, 1, 2))
    assert float(change[40:].mean()) > 20 * float(change[:16].mean())


def test_neighbours_stay_until_they_are_matched_anew(embedded, generator):
    config = StyleConfig(content_weight=0, style_layers={}, color_weight=0)
    net = VGG19(embedded, config.layers, padding="replicate")
    image, other, style = (random_image(generator, 32, 48) for _ in range(3))
    objective = Objective(net, image, [style], config)
    first = float(sum(objective(image)[0].values()))
    objective.match(other)
    matched_to_other = float(sum(objective(image)[0].values()))
    objective.match(image)
    assert float(sum(objective(image)[0].values())) == first < matched_to_other


def test_errors_taken_a_few_rows_at_a_time_are_the_same(embedded, generator, monkeypatch):
    config = StyleConfig()
    net = VGG19(embedded, config.layers, padding="replicate")
    content, image, style = (random_image(generator, 48, 64) for _ in range(3))
    objective = Objective(net, content, [style], config)
    terms, gradient = objective(image)
    monkeypatch.setattr("velatura.painting.terms.AT_ONCE", 5000)
    again, same = objective(image)
    for name, value in terms.items():
        assert float(again[name]) == pytest.approx(float(value), rel=1e-5), name
    torch.testing.assert_close(same, gradient, rtol=1e-4, atol=1e-7)


def test_neighbours_sought_in_groups_are_nearly_always_the_nearest(generator, monkeypatch):
    middles = torch.randn(40, 24, generator=generator)
    keys, queries = (
        torch.nn.functional.normalize(
            middles[torch.randint(40, (n,), generator=generator)]
            + torch.randn(n, 24, generator=generator),
            dim=1,
        )
        for n in (2000, 500)
    )
    exact = most_alike(queries, keys)
    assert torch.equal(exact, (queries @ keys.T).argmax(1))
    monkeypatch.setattr("velatura.painting.neighbors.EXHAUSTIVE", 0)
    found = most_alike(queries, keys)
    assert float((found == exact).float().mean()) > 0.9
