import dataclasses
import shlex

import pytest
from tests.studio.driver import command_config

from velatura.errors import ConfigError
from velatura.painting.config import StyleConfig
from velatura.painting.recipes import RECIPES
from velatura.studio import fields


def held(config):
    """What the fields hold for a config, after a way through JSON."""
    return {
        entry.name: fields.shown(getattr(config, entry.name))
        for entry in dataclasses.fields(config)
    }


CONFIGS = {name: recipe.config for name, recipe in RECIPES.items()} | {
    "numbers": StyleConfig(steps=(5, 6), blend=(1.0, 2.5), max_seconds=2.5, seed=7),
    "zeros": StyleConfig(strength=0.0, content_weight=0.0, seed=0),
    "layers": StyleConfig(content_layers={}, blend_layers={"relu1_1": (1.0, 0.0)}),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_fields_give_back_what_they_show(config):
    assert fields.read(StyleConfig, held(config)) == config


@pytest.mark.parametrize("recipe", ["default", "gatys-2016", "single-layer"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_command_line_paints_the_same(recipe, config):
    text = fields.command(recipe, config, "a photo.jpg", ["painting.jpg"])
    assert shlex.split(text)[2:4] == ["a photo.jpg", "painting.jpg"]
    assert command_config(text) == config


def test_a_recipe_alone_is_named_alone():
    text = fields.command("smooth", RECIPES["smooth"].config, "a.jpg", ["b.jpg"])
    assert text == "velatura stylize a.jpg b.jpg -o out.png --recipe smooth"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("size", None, "size: expected a number, got nothing"),
        ("size", 100.5, "size: expected a whole number"),
        ("steps", "many", "steps: expected text as at the command line, got 'many'"),
        ("strength", 3, "strength: expected a number from 0 to 1"),
        ("style_layers", "relu9_9=1", "relu9_9"),
        ("optimizer", "sgd", "optimizer: expected lbfgs or adam"),
    ],
)
def test_wrong_values_are_told(name, value, told):
    with pytest.raises(ConfigError, match=told):
        fields.read(StyleConfig, held(StyleConfig()) | {name: value})


def test_no_limit_is_shown_as_zero():
    assert fields.read(StyleConfig, held(StyleConfig()) | {"max_seconds": 0}).max_seconds is None
    assert fields.read(StyleConfig, held(StyleConfig()) | {"size": 64.0}).size == 64
