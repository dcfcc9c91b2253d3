import typing
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import pytest
import torch

import velatura
from velatura import ConfigError, StyleConfig
from velatura.images.io import read
from velatura.session.options import StyleOptions

OPTIONS = {"size": 32, "steps": (2,), "precision": "fp32", "single_scale": True}


def wider(hint):
    """What a caller may give for an option: any sequence for a tuple, any mapping for a dict."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return Sequence[arguments[0]]
    if origin is dict:
        return Mapping[arguments[0], wider(arguments[1])]
    return hint


def test_options_by_name_are_those_of_the_config():
    declared = typing.get_type_hints(StyleConfig)
    assert typing.get_type_hints(StyleOptions) == {k: wider(hint) for k, hint in declared.items()}


def test_the_picture_says_how_it_was_made(photograph, painting):
    picture = velatura.stylize(photograph, painting, **OPTIONS)
    assert picture.info["velatura"]["config"] == StyleConfig(**OPTIONS).as_dict()
    assert picture.info["velatura"]["steps"] == 2


def test_steps_are_told_and_may_end_the_painting(photograph, painting):
    numbers = []
    velatura.stylize(photograph, painting, on_step=lambda s: numbers.append(s.number), **OPTIONS)
    assert numbers == [1, 2]

    def stop(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        velatura.stylize(photograph, painting, on_step=stop, **OPTIONS)


def test_a_killed_painting_goes_on_with_the_same_call(photograph, painting, tmp_path):
    whole = velatura.stylize(photograph, painting, **OPTIONS)
    once = velatura.stylize(
        photograph, painting, checkpoint=tmp_path / "state", max_seconds=1e-9, **OPTIONS
    )
    assert once.info["velatura"]["steps"] == 1
    numbers = []
    again = velatura.stylize(
        photograph,
        painting,
        checkpoint=tmp_path / "state",
        on_step=lambda step: numbers.append(step.number),
        **OPTIONS,
    )
    assert numbers == [2]
    assert (np.asarray(again) == np.asarray(whole)).all()


def test_images_of_every_kind_are_taken_everywhere(photograph, painting):
    tensor = read(photograph).pixels
    buffer = BytesIO()
    painting.save(buffer, "PNG")
    whole = np.asarray(velatura.stylize(photograph, painting, **OPTIONS, init="gray"))
    for content in (tensor, tensor[0], (tensor * 255).round().byte(), np.asarray(photograph)):
        for style in (buffer, buffer.getvalue(), [painting]):
            picture = velatura.stylize(
                content,
                style,
                initial=np.full((8, 12, 3), 0.5),
                masks=[torch.ones(1, 1, 4, 6)],
                **OPTIONS,
            )
            assert picture.size == (32, 21)
    assert whole.shape == (21, 32, 3)


def test_a_batch_is_a_list(painting):
    with pytest.raises(velatura.ImageError, match="several images as a list"):
        velatura.stylize(torch.zeros(2, 3, 32, 32), painting, **OPTIONS)


def test_unknown_options_are_told(photograph, painting):
    with pytest.raises(ConfigError, match="unknown option 'sise'"):
        velatura.stylize(photograph, painting, sise=256)
    with pytest.raises(ConfigError, match="config or options by name, got both"):
        velatura.stylize(photograph, painting, StyleConfig(), size=32)
