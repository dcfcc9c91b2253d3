"""What an option class takes, keeps and lets nobody change."""

import copy
import dataclasses
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import ConfigError
from velatura.fast.options import TrainingOptions
from velatura.options import Options, as_text, meaning, option, parsers
from velatura.painting.config import StyleConfig
from velatura.superres.options import UpscaleTrainingOptions


def kinds(value):
    """The types of a value and of all inside it."""
    if isinstance(value, dict):
        return {type(value)}.union(*map(kinds, value), *map(kinds, value.values()))
    if isinstance(value, tuple):
        return {tuple}.union(*map(kinds, value))
    return {type(value)}


@pytest.mark.parametrize(
    "given, plain",
    [
        ({"size": np.int64(64), "seed": np.uint8(7)}, {"size": 64, "seed": 7}),
        ({"size": torch.tensor(64), "seed": np.array(7)}, {"size": 64, "seed": 7}),
        ({"content_weight": np.float32(0.5)}, {"content_weight": 0.5}),
        (
            {"content_weight": np.float64(2), "max_seconds": np.int32(9)},
            {"content_weight": 2.0, "max_seconds": 9},
        ),
        (
            {"single_scale": np.bool_(True), "init": np.str_("noise")},
            {"single_scale": True, "init": "noise"},
        ),
        (
            {"steps": np.array([5, 6]), "blend": [np.float32(1), 3]},
            {"steps": (5, 6), "blend": (1.0, 3)},
        ),
        (
            {"init": Path("a.png"), "mask": [Path("b.png"), "c.png"]},
            {"init": "a.png", "mask": ("b.png", "c.png")},
        ),
        (
            {
                "style_layers": {np.str_("relu1_1"): torch.tensor(2.0)},
                "blend_layers": {"relu1_1": [1, np.int8(2)]},
            },
            {"style_layers": {"relu1_1": 2.0}, "blend_layers": {"relu1_1": (1, 2)}},
        ),
    ],
    ids=str,
)
def test_numbers_names_and_paths_of_other_libraries_become_plain_values(given, plain):
    config = StyleConfig(**given)
    found = {name: getattr(config, name) for name in plain}
    assert found == plain
    for value in config.as_dict().values():
        assert kinds(value) <= {int, float, str, bool, tuple, dict, type(None)}
    assert StyleConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize(
    "options, told",
    [
        ({"content_weight": "2"}, "content-weight: expected a number, got '2'"),
        ({"content_weight": True}, "content-weight: expected a number, got True"),
        ({"content_weight": np.float32("nan")}, "a number of at most 1e+15 in size, got nan"),
        ({"content_weight": -1e16}, "a number of at most 1e+15 in size, got -1e+16"),
        ({"size": np.float64(64.5)}, "size: expected a whole number, got 64.5"),
        ({"steps": 5}, "steps: expected a list of whole numbers, got 5"),
        ({"mask": "a.png"}, "mask: expected a list of names, got 'a.png'"),
        ({"mask": [3]}, "mask: expected text, got 3"),
        ({"blend": {1.0, 2.0}}, "blend: expected a list of numbers"),
        ({"single_scale": 1}, "single-scale: expected True or False, got 1"),
        ({"style_layers": {"relu1_1": "x"}}, "style-layers relu1_1: expected a number, got 'x'"),
    ],
    ids=str,
)
def test_messages_name_what_was_expected(options, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        StyleConfig(**options)


def test_messages_stay_short_whatever_came():
    with pytest.raises(ConfigError) as error:
        StyleConfig(mask=[np.zeros((300, 300))])
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("options", [StyleConfig, TrainingOptions, UpscaleTrainingOptions])
def test_nothing_changes_frozen_options(options):
    config, before = options(), options()
    layers = [v for v in vars(config).values() if isinstance(v, dict)]
    assert layers
    for mapping in layers:
        with pytest.raises(TypeError, match="frozen"):
            mapping["relu1_1"] = -5
        for change in (
            lambda m: m.update(relu1_1=2.0),
            lambda m: m.__delitem__("relu1_1"),
            lambda m: m.pop("relu1_1", None),
            lambda m: m.popitem(),
            lambda m: m.clear(),
            lambda m: m.setdefault("relu9_9", 1.0),
            lambda m: m.__ior__({"relu1_1": 3.0}),
        ):
            with pytest.raises(TypeError, match="frozen"):
                change(mapping)
    config.as_dict()["style_layers"] = {}
    for value in config.as_dict().values():
        if isinstance(value, dict):
            value.clear()  # a copy
    assert config == before


def test_frozen_options_are_copied_pickled_compared_and_keys_like_any_value():
    config = StyleConfig(style_layers={"relu2_1": 0.5}, blend_layers={"relu1_1": (1.0, 2.0)})
    for twin in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin == config
        assert {twin: 1}[config] == 1
        with pytest.raises(TypeError, match="frozen"):
            twin.style_layers["relu1_1"] = 1.0
    assert config.style_layers == {"relu2_1": 0.5}
    assert {StyleConfig(), StyleConfig(), StyleConfig(size=64)} == {
        StyleConfig(),
        StyleConfig(size=64),
    }
    given = {"relu2_1": 0.5}
    config = StyleConfig(style_layers=given)
    given["relu2_1"] = 9.0
    assert config.style_layers == {"relu2_1": 0.5}


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        min_size=1,
    )
)
def test_names_of_any_kind_go_through_the_command_line(names):
    assert parsers(StyleConfig)["mask"](as_text(tuple(names))) == tuple(names)


def test_names_are_written_as_ever_where_they_have_no_commas():
    assert as_text(("a b.png", "c'd.png")) == "a b.png,c'd.png"
    assert parsers(StyleConfig)["mask"]('"a,b.png",c.png') == ("a,b.png", "c.png")
    with pytest.raises(ValueError, match="expected"):
        parsers(StyleConfig)["mask"]('"a.png"b')


@dataclass(frozen=True)
class Bounded(Options):
    """Options with bounds of each kind."""

    share: float = option(0.5, "a share", at_least=0, at_most=1)
    many: tuple[int, ...] = option((), "several", at_least=1)
    layers: dict[str, float] = option({}, "weights", above=0, below=5)
    limit: float | None = option(None, "none or some", above=0)
    free: float = option(0.0, "any")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1.01}, "share: expected a number from 0 to 1, got 1.01"),
        ({"many": (3, 0)}, "many: expected a number of at least 1, got 0"),
        ({"layers": {"a": 1, "b": 5}}, "layers b: expected a number above 0 and below 5, got 5"),
        ({"limit": 0}, "limit: expected a number above 0, got 0"),
    ],
    ids=str,
)
def test_numbers_out_of_their_bounds_are_refused(options, message):
    with pytest.raises(ConfigError) as told:
        Bounded(**options)
    assert str(told.value) == message


def test_bounds_are_part_of_the_meaning():
    told = {entry.name: meaning(entry) for entry in dataclasses.fields(Bounded)}
    assert told["share"] == "a share (from 0 to 1)"
    assert told["many"] == "several (at least 1)"
    assert told["free"] == "any"
    assert Bounded(share=1, many=(1,), layers={"a": 4.9}, limit=None, free=-1e9)
