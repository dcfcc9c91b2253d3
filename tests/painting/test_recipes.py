"""Each recipe's settings, pinned, and that its loss falls."""

import dataclasses

import pytest

from velatura import ConfigError, StyleConfig, transfer
from velatura.painting.recipes import INPUT_SCALE, RECIPES, recipe
from velatura.perception.layers import channels

SETTINGS = {
    "default": {},
    "second-moments": {
        "content_layers": {"relu3_1": 0.3, "relu4_2": 0.7},
        "style_loss": "wasserstein",
        "neighbor_weight": 0.0,
        "deep_size": 0,
        "effort": "best",
    },
    "neural-neighbors": {
        "content_layers": {},
        "style_layers": {},
        "neighbor_layers": ["relu1_1", "relu2_1", "relu3_1", "relu4_1"],
        "deep_size": 0,
        "effort": "best",
    },
    "gatys-2016": {
        "content_layers": ["relu4_2"],
        "style_layers": ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"],
        "content_loss": "mse",
        "pooling": "average",
        "optimizer": "lbfgs",
        "init": "noise",
        "gram_norm": "positions",
        "style_weight": 1000.0,
    },
    "single-layer": {
        "content_layers": {"conv2_2": 1.0},
        "style_layers": {"conv2_2": 1.0},
        "content_loss": "mse",
        "gram_norm": "none",
        "init": "noise",
    },
    "weighted-layers": {
        "content_layers": {"conv4_2": 1.0},
        "style_layers": {
            "conv1_1": 1.0,
            "conv2_1": 0.8,
            "conv3_1": 0.5,
            "conv4_1": 0.3,
            "conv5_1": 0.1,
        },
        "content_weight": 1.0,
        "style_weight": 1e6 / INPUT_SCALE**2,
        "gram_norm": "root-elements",
        "style_shape": "picture",
        "init": "content",
        "optimizer": "adam",
        "steps": (2000,),
    },
    "anatomical": {
        "content_layers": {"conv2_2": 1.0},
        "style_layers": ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"],
        "content_weight": 1.0,
        "style_weight": 1e5 / INPUT_SCALE**2,
        "size": 128,
        "steps": (300,),
        "init": "content",
    },
    "smooth": {
        "pooling": "average",
        "optimizer": "lbfgs",
        "style_weight": 1e6 / INPUT_SCALE**2,
        "init": "white",
    },
    "content-tenth": {
        "content_layers": {"relu4_2": 0.1},
        "init": "noise",
        "optimizer": "lbfgs",
        "pooling": "average",
    },
}


@pytest.mark.parametrize("name", RECIPES)
def test_settings_are_the_sources(name):
    config = recipe(name).config
    for option, expected in SETTINGS[name].items():
        value = getattr(config, option)
        assert (list(value) if isinstance(expected, list) else value) == expected, option
    if name not in ("default", "second-moments", "neural-neighbors"):
        assert config.style_loss == "gram"
        assert config.single_scale
        assert config.basis == "pixels"
        assert config.palette == "photograph"


def test_gatys_layers_weigh_as_in_the_authors_code():
    config = recipe("gatys-2016").config
    for layer, weight in config.style_layers.items():
        assert weight * config.style_weight == pytest.approx(1000 / channels(layer) ** 2)


@pytest.mark.parametrize("name", RECIPES)
def test_the_loss_falls(name, photograph, painting):
    config = dataclasses.replace(recipe(name).config, steps=(12,), size=96, precision="fp32")
    steps = list(transfer(photograph, painting, config))
    assert steps[-1].loss < steps[0].loss


def test_an_unknown_recipe_is_told():
    with pytest.raises(ConfigError, match="recipe: expected one of default, second-moments"):
        recipe("nope")


def test_recipes_are_configurations_that_json_can_hold():
    for entry in RECIPES.values():
        assert StyleConfig.from_dict(entry.config.as_dict()) == entry.config
