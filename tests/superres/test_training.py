import dataclasses

import pytest
import torch

from velatura.errors import ConfigError, ImageError
from velatura.superres.network import UpscaleNetwork
from velatura.superres.options import UpscaleTrainingOptions
from velatura.superres.training import Task, blended, pattern, train_upscaler
from velatura.training.photographs import find

QUICK = UpscaleTrainingOptions(steps=12, batch=2, crop=16, precision="fp32")
FEATURES = dataclasses.replace(QUICK, loss="features", steps=4, feature_layers={"conv1_2": 1.0})


@pytest.fixture
def photographs(tmp_path, photograph):
    for number in range(3):
        photograph.resize((160, 120)).rotate(180 * number).save(tmp_path / f"{number}.png")
    return find([tmp_path])


def test_what_is_held_out_is_enlarged_better_than_by_bicubic(photographs):
    task = Task(UpscaleNetwork(), photographs, QUICK)

    class Bicubic(UpscaleNetwork):
        def _detail(self, x, scale):
            return super()._detail(x, scale) * 0

    *_, last = train_upscaler(photographs, dataclasses.replace(QUICK, steps=60))
    assert last.held_out < 0.99 * task.judge(Bicubic())


@pytest.mark.parametrize("options", [QUICK, FEATURES])
def test_going_on_gives_the_same_network(photographs, options):
    *_, whole = train_upscaler(photographs, options)
    for step in train_upscaler(photographs, options):
        if step.number == 2:
            state = step.state()
            break
    *_, resumed = train_upscaler(photographs, options, state=state)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor), name


def test_features_have_a_term_for_each_layer(photographs):
    step = next(train_upscaler(photographs, FEATURES))
    assert set(step.terms) == {"pixels", "content conv1_2"}


@pytest.mark.parametrize("harm", [{"jpeg": 30}, {"blur": 2.0}])
def test_what_is_learnt_from_is_degraded(photographs, harm):
    clean = Task(UpscaleNetwork(), photographs, QUICK)
    harmed = Task(UpscaleNetwork(), photographs, dataclasses.replace(QUICK, **harm))
    assert torch.equal(clean.judged[1], harmed.judged[1])
    assert not torch.equal(clean.judged[0], harmed.judged[0])


def test_a_blend_is_linear_in_the_parameters():
    one, other = UpscaleNetwork(1), UpscaleNetwork(2)
    assert not torch.equal(one.leave.weight, other.leave.weight)
    found = blended(one, other, 0.25).leave.weight
    torch.testing.assert_close(found, 0.75 * one.leave.weight + 0.25 * other.leave.weight)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_only_what_repeats_is_a_pattern(scale, generator):
    tile = torch.randn(1, 3, scale, scale, generator=generator)
    repeated = tile.repeat(2, 1, 24, 24)
    assert float(pattern(repeated, scale)) == pytest.approx(float(tile.abs().mean()), rel=1e-5)
    noise = torch.randn(repeated.shape, generator=generator)
    assert float(pattern(noise, scale)) < 0.1  # 0.8 / 12 is expected


def test_pairs_belong_together(photographs):
    """Shrunk again, the sharp crops are the small ones, but for their borders."""
    from velatura.superres.degrade import shrink

    task = Task(UpscaleNetwork(), photographs, QUICK)
    sharp = task.photographs.batch(1, 2)
    for scale in (2, 3, 4):
        small, wanted = task._pairs(sharp, scale, 1)
        assert small.shape[-2:] == (16, 16)
        assert wanted.shape[-2:] == (16 * scale, 16 * scale)
        inner = shrink(wanted, scale)[..., 2:-2, 2:-2].clamp(0, 1)
        torch.testing.assert_close(small[..., 2:-2, 2:-2], inner, atol=1e-5, rtol=0)


def test_photographs_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="none of 1 files"):
        next(train_upscaler(find([tmp_path]), QUICK))


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"batch": 0},
        {"crop": 4},
        {"jpeg": 0},
        {"jpeg": 101},
        {"blur": -1.0},
        {"pixel_weight": -1.0},
        {"learning_rate": 0.0},
        {"loss": "best"},
        {"keep": 1.0},
        {"feature_layers": {}},
        {"feature_layers": {"conv9_1": 1.0}},
        {"feature_layers": {"conv1_1": -1.0}},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="expected"):
        UpscaleTrainingOptions(**options)
