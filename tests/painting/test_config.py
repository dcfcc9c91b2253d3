import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import ConfigError
from velatura.options import choices, parsers
from velatura.painting.config import StyleConfig
from velatura.painting.engine import plan


@pytest.mark.parametrize(
    "options",
    [
        {"size": 8},
        {"size": 100.5},
        {"steps": (0,)},
        {"steps": (10, -1)},
        {"content_weight": math.nan},
        {"content_focus": -0.1},
        {"content_focus": 1.1},
        {"style_weight": -1},
        {"tv_weight": math.inf},
        {"stroke_size": 0},
        {"learning_rate": 0},
        {"forms_first": 0},
        {"content_layers": {"relu9_9": 1.0}},
        {"style_layers": {"relu1_1": math.nan}},
        {"style_loss": "best"},
        {"pooling": "min"},
        {"optimizer": "sgd"},
        {"precision": "fp8"},
        {"blend": (0.0, 0.0)},
        {"blend": (-1.0, 2.0)},
        {"max_seconds": 0},
        {"content_weight": 0, "style_weight": 0},
        {"single_scale": "yes"},
        {"steps": 5},
        {"blend": None},
        {"content_layers": "relu4_2"},
        {"content_weight": 10**400},
        {"seed": -1},
        {"content_weight": 0, "style_layers": {"relu1_1": 0.0}, "neighbor_weight": 0},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused_by_name(options):
    with pytest.raises(ConfigError, match="expected"):
        StyleConfig(**options)


def test_two_blend_weights_for_three_styles_are_refused():
    with pytest.raises(ConfigError, match="expected 3 weights for 3 styles"):
        StyleConfig(blend=(1.0, 2.0)).blend_weights(3)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_blend_weights_sum_to_one(weights):
    assert sum(StyleConfig(blend=tuple(weights)).blend_weights(len(weights))) == pytest.approx(1)


def test_every_option_has_help_and_a_parser():
    for option in dataclasses.fields(StyleConfig):
        assert option.metadata["help"]
        assert option.name in parsers(StyleConfig)


def test_json_and_back():
    config = StyleConfig(steps=(5, 6), blend=(1.0, 2.0), style_layers={"relu2_1": 0.5})
    assert StyleConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="wobble"):
        StyleConfig.from_dict({"wobble": 1})


def test_text_becomes_values():
    read = parsers(StyleConfig)
    assert read["steps"]("40,30") == (40, 30)
    assert read["blend"]("1,2.5") == (1.0, 2.5)
    assert read["style_layers"]("relu1_1=1,relu2_1=0.8,relu3_1") == {
        "relu1_1": 1.0,
        "relu2_1": 0.8,
        "relu3_1": 1.0,
    }
    assert read["max_seconds"]("2.5") == 2.5
    assert choices(StyleConfig, "pooling") == ("max", "average")
    assert choices(StyleConfig, "size") is None


def test_strength_turns_the_content_weight_down():
    weights = [StyleConfig(strength=s).effective_content_weight for s in (0, 0.25, 0.5, 0.75, 1)]
    assert weights == sorted(weights, reverse=True)
    usual = StyleConfig().content_weight
    assert weights[0] == pytest.approx(20 * usual)
    assert weights[2] == usual
    assert weights[4] == pytest.approx(usual / 5)
    for strength in (-0.1, 1.1):
        with pytest.raises(ConfigError, match="strength: expected a number from 0 to 1"):
            StyleConfig(strength=strength)


def test_before_the_last_scale_content_and_deep_layers_weigh_more():
    layers = {"relu3_4": 1.0, "pool3": 1.0, "conv4_1": 1.0, "relu5_1": 0.5}
    before = StyleConfig(style_layers=layers, forms_first=3).at_scale(128, False, False)
    assert before.style_layers == {"relu3_4": 1, "pool3": 1, "conv4_1": 3, "relu5_1": 1.5}
    assert before.content_weight == 3 * StyleConfig().content_weight
    alike = StyleConfig(forms_first=1)
    assert alike.at_scale(128, False, False) == alike.at_scale(128, False, True) == alike


def test_neighbours_weigh_less_at_the_first_of_several_scales():
    config = StyleConfig(neighbor_weight=2.0)
    assert config.at_scale(128, True, False).neighbor_weight == pytest.approx(0.6)
    assert config.at_scale(128, True, True).neighbor_weight == 2
    assert config.at_scale(256, False, True).neighbor_weight == 2


def test_a_scale_above_the_deep_size_does_without_blocks_4_and_5():
    config = StyleConfig(deep_size=256)
    assert config.at_scale(256, False, True) == config
    above = config.at_scale(257, False, True)
    shallow = {"relu1_1", "relu2_1", "relu3_1"}
    assert {*above.style_layers} == shallow
    assert {*above.content_layers} == {"relu3_1"}
    assert {*above.neighbor_layers} == {"relu2_1", "relu3_1"}
    assert StyleConfig(deep_size=0).at_scale(5000, False, True) == StyleConfig(deep_size=0)
    deep = StyleConfig(content_layers={"relu4_2": 1.0}, style_layers={"relu4_1": 1.0})
    assert deep.at_scale(5000, False, True) == deep, "nothing would be left to look at"


def test_blends_of_layers_are_read_and_checked():
    parse = parsers(StyleConfig)["blend_layers"]
    assert parse("relu1_1=1:0, relu4_1=0:1") == {"relu1_1": (1.0, 0.0), "relu4_1": (0.0, 1.0)}
    config = StyleConfig(blend_layers=parse("relu1_1=1:3"))
    assert config.blend_weights(2, "relu1_1") == (0.25, 0.75)
    assert config.blend_weights(2, "relu2_1") == (0.5, 0.5)
    assert StyleConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    for blend in ({"relu9_9": (1, 1)}, {"relu1_1": (0, 0)}, {"relu1_1": (-1, 2)}, {"relu1_1": 3}):
        with pytest.raises(ConfigError):
            StyleConfig(blend_layers=blend)
    with pytest.raises(ConfigError, match="blend: expected 3 weights for 3 styles"):
        config.blend_weights(3)


def test_an_effort_changes_what_is_not_given():
    instant = StyleConfig(effort="instant").at_effort()
    assert (instant.optimizer, instant.neighbor_turns) == ("learned", 1)
    given = StyleConfig(effort="instant", optimizer="adam", neighbor_turns=2).at_effort()
    assert (given.optimizer, given.neighbor_turns) == ("adam", 2)
    assert StyleConfig().at_effort() == StyleConfig()


def test_more_effort_is_more_steps_and_steps_that_are_given_stay():
    def steps(**options):
        return [scale.steps for scale in plan((512, 512), StyleConfig(**options))]

    totals = [sum(steps(effort=effort)) for effort in ("instant", "quick", "default", "best")]
    assert totals == sorted(set(totals))
    assert min(steps(effort="instant")) >= 1
    assert steps(effort="instant", steps=(7, 5, 3)) == [7, 5, 3]
    assert sum(steps(effort="instant", steps=(30,))) == 30
