import dataclasses
import weakref
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch.utils._python_dispatch import TorchDispatchMode

import velatura
from velatura import ConfigError, ImageError, StyleConfig, transfer
from velatura.images.io import read, to_pil
from velatura.images.resize import gaussian_blur
from velatura.painting.engine import plan, start
from velatura.painting.objective import Objective
from velatura.painting.optimizers import LBFGS
from velatura.perception import weights
from velatura.perception.devices import pick_device
from velatura.perception.vgg import VGG19

from ..conftest import random_image

SHORT = {"steps": (3, 2), "precision": "fp32"}


def last(steps):
    *_, step = steps
    return step


def test_scales_halve_and_end_at_the_size_asked_for():
    scales = plan((768, 1024), StyleConfig(size=512))
    assert [scale.size for scale in scales] == [(96, 128), (192, 256), (384, 512)]
    assert [scale.steps for scale in scales] == [24, 14, 8]


def test_a_photograph_is_never_enlarged():
    assert plan((60, 100), StyleConfig(size=512))[-1].size == (60, 100)


def test_one_number_of_steps_is_shared_out():
    scales = plan((768, 1024), StyleConfig(steps=(100,)))
    assert sum(scale.steps for scale in scales) == 100
    assert [scale.steps for scale in plan((768, 1024), StyleConfig(steps=(9, 8)))] == [9, 8]
    assert sum(scale.steps for scale in plan((768, 1024), StyleConfig(steps=(1,)))) == 1


def test_single_scale_is_one_scale():
    scales = plan((768, 1024), StyleConfig(single_scale=True, steps=(7,)))
    assert [(scale.size, scale.steps) for scale in scales] == [((384, 512), 7)]


@pytest.mark.parametrize("size", [(1, 1), (3, 4000), (4000, 3), (15, 200)])
def test_pictures_too_narrow_are_refused(size):
    with pytest.raises(ImageError, match="at least 16 pixels a side"):
        plan(size, StyleConfig())


def test_narrow_pictures_have_fewer_scales():
    scales = plan((20, 512), StyleConfig())
    assert scales[0].size == (20, 512)


def test_more_numbers_than_scales_are_refused():
    with pytest.raises(ConfigError, match="steps: expected at most"):
        plan((20, 40), StyleConfig(steps=(5, 5, 5)))
    with pytest.raises(ConfigError, match="single-scale"):
        StyleConfig(steps=(5, 5), single_scale=True)


def test_the_loss_falls_and_steps_tell_where_they_are(photograph, painting):
    steps = list(transfer(photograph, [painting], StyleConfig(steps=(12, 10))))
    assert [step.number for step in steps] == list(range(1, 23))
    assert {step.total for step in steps} == {22}
    assert [step.scale for step in steps] == [0] * 12 + [1] * 10
    assert steps[11].loss < 0.8 * steps[0].loss
    assert steps[-1].loss < 0.9 * steps[12].loss
    assert steps[-1].image.shape == (1, 3, 64, 96)
    assert 0 <= float(steps[-1].image.min()) <= float(steps[-1].image.max()) <= 1
    assert steps[-1].loss == pytest.approx(sum(steps[-1].terms.values()))


@pytest.mark.parametrize("init", ["content", "noise"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_same_seed_gives_the_same_picture_bit_for_bit(photograph, painting, init, optimizer):
    config = StyleConfig(init=init, optimizer=optimizer, seed=3, steps=(3, 2))
    one, two = (last(transfer(photograph, [painting], config)).image for _ in range(2))
    assert torch.equal(one, two)


def test_another_seed_begins_with_noise_that_has_nothing_in_common(photograph):
    content = read(photograph).pixels
    one, two, same = (
        start(StyleConfig(init="noise", seed=s), content, []).flatten() for s in (1, 2, 1)
    )
    assert torch.equal(one, same)
    assert abs(float(torch.corrcoef(torch.stack([one, two]))[0, 1])) < 0.03
    assert float(one.std()) == pytest.approx(12**-0.5, rel=0.02)


def test_stopping_anywhere_leaves_a_picture(photograph, painting):
    for step in transfer(photograph, [painting], StyleConfig(**SHORT)):
        assert torch.isfinite(step.image).all()
        break


def test_an_earlier_steps_image_does_not_change_later(photograph, painting):
    steps = transfer(photograph, [painting], StyleConfig(**SHORT))
    image = next(steps).image
    copy = image.clone()
    next(steps)
    assert torch.equal(image, copy)


def test_it_stops_when_time_is_up(photograph, painting):
    config = StyleConfig(max_seconds=0.001, steps=(50, 50))
    assert last(transfer(photograph, [painting], config)).number == 1


def test_forms_weigh_more_before_the_last_scale_and_nowhere_else(photograph, painting):
    def first_terms(forms_first, **options):
        config = StyleConfig(forms_first=forms_first, precision="fp32", **options)
        return next(transfer(photograph, [painting], config)).terms

    for options, times in (({"steps": (1, 1)}, 3), ({"single_scale": True, "steps": (1,)}, 1)):
        usual, heavier = first_terms(1, **options), first_terms(3, **options)
        assert heavier["style relu3_1"] == pytest.approx(usual["style relu3_1"])
        assert heavier["style relu5_1"] == pytest.approx(times * usual["style relu5_1"])


def test_content_is_held_where_there_is_something_to_see():
    """On the same photograph, a face; the wall behind it is given to the painting."""
    photo, painting = (
        Image.fromarray(a).resize((160, 160))
        for a in (data.astronaut(), data.immunohistochemistry())
    )

    def change(focus):
        config = StyleConfig(
            content_focus=focus,
            neighbor_weight=0,
            palette="photograph",
            steps=(15,),
            single_scale=True,
            precision="fp32",
        )
        painted = last(transfer(photo, painting, config)).image
        moved = (painted - read(photo).pixels).square().mean(1)[0]
        return float(moved[20:55, 57:83].mean()), float(moved[:30, 95:120].mean())

    (face, wall), (face_alike, wall_alike) = change(1.0), change(0.0)
    assert face < face_alike
    assert face / wall < 0.95 * face_alike / wall_alike


def test_starts(photograph, painting, tmp_path):
    content, style = read(photograph).pixels, read(painting).pixels
    photograph.save(tmp_path / "start.png")

    def image(init):
        return start(StyleConfig(init=init), content, [style])

    assert torch.equal(image("content"), content)
    assert (image("white") == 1).all()
    assert (image("gray") == 0.5).all()
    noise = image("noise")
    assert 0.45 < float(noise.mean()) < 0.55
    assert 0.27 < float(noise.std()) < 0.31  # 1/√12 for white noise on [0, 1]
    assert float(image("blur").std()) < float(content.std())
    assert image("style").shape == content.shape
    torch.testing.assert_close(image(str(tmp_path / "start.png")), content)
    with pytest.raises(ImageError, match="found nothing"):
        image("nowhere.png")


def test_blur_agrees_with_scikit_image(photograph):
    from skimage.filters import gaussian

    image = read(photograph).pixels
    expected = gaussian(
        image[0].permute(1, 2, 0).numpy(), 2.0, mode="nearest", truncate=3, channel_axis=2
    )
    blurred = gaussian_blur(image, 2.0)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(blurred, expected, atol=2e-3)


def test_strokes_are_as_large_as_asked_for(generator):
    """By how much of a picture's contrast is between neighbours."""
    photo = gaussian_blur(random_image(generator, 64, 64), 6)
    spots = gaussian_blur(random_image(generator, 160, 160), 1.5)
    layers = {"relu1_1": 1.0, "relu2_1": 1.0}
    fineness = []
    for stroke_size in (0.5, 1, 2):
        config = StyleConfig(
            stroke_size=stroke_size,
            steps=(12,),
            strength=0.9,
            content_layers={"relu2_1": 1.0},
            content_focus=0.0,
            style_layers=layers,
        )
        image = last(
            transfer(photo, (spots - spots.min()) / (spots.max() - spots.min()), config)
        ).image
        fineness.append(float(image.diff(dim=-1).square().mean() / image.var()))
    assert fineness[0] > 1.15 * fineness[1]
    assert fineness[1] > 1.5 * fineness[2]


def test_tiny_styles_are_refused(photograph):
    with pytest.raises(ImageError, match="style image of at least 16"):
        next(transfer(photograph, [Image.new("RGB", (5, 40))], StyleConfig()))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(
    "names", ["black white", "white black", "red red", "photo white", "red dots"]
)
def test_pictures_of_one_colour_or_two_pixels_are_painted_like_others(photograph, names, optimizer):
    dots = Image.new("RGB", (48, 48), "white")
    dots.putpixel((5, 5), (0, 0, 0))
    dots.putpixel((30, 20), (254, 255, 255))
    known = {"photo": photograph.resize((48, 48)), "dots": dots}
    content, style = (known.get(name) or Image.new("RGB", (48, 48), name) for name in names.split())
    steps = list(transfer(content, style, StyleConfig(steps=(8,), optimizer=optimizer)))
    assert max(step.loss for step in steps) < 20  # an ordinary pair's is below 10
    assert torch.isfinite(steps[-1].image).all()
    if names == "photo white":
        assert float(steps[-1].image.mean()) > 0.8


def test_devices_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="device"):
        pick_device("cuda:7" if not torch.cuda.is_available() else "cuda:99")
    with pytest.raises(ConfigError, match="device"):
        pick_device("abacus")
    assert pick_device("cpu").type == "cpu"


def test_stylize_takes_paths_images_and_arrays(files, photograph, painting):
    from_paths = velatura.stylize(files / "photo.png", str(files / "painting.png"), **SHORT)
    from_images = velatura.stylize(photograph, [painting], **SHORT)
    from_arrays = velatura.stylize(np.asarray(photograph), np.asarray(painting), **SHORT)
    assert from_paths.size == (96, 64)
    assert from_paths.mode == "RGB"
    assert from_paths.tobytes() == from_images.tobytes() == from_arrays.tobytes()


def test_stylize_carries_alpha_over(photograph, painting):
    transparent = photograph.copy()
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 30:] = 255
    transparent.putalpha(Image.fromarray(mask))
    picture = velatura.stylize(transparent, painting, **SHORT)
    assert picture.mode == "RGBA"
    assert np.array_equal(np.asarray(picture)[:, :, 3], mask)


def test_stylize_refuses_a_config_and_options(photograph, painting):
    with pytest.raises(ConfigError, match="got both"):
        velatura.stylize(photograph, painting, StyleConfig(), size=64)


def test_several_styles(photograph, painting):
    picture = velatura.stylize(
        photograph, [painting, painting.rotate(90)], blend=(1.0, 2.0), **SHORT
    )
    assert picture.size == (96, 64)
    with pytest.raises(ConfigError, match="blend"):
        velatura.stylize(photograph, [painting], blend=(1.0, 2.0), **SHORT)


def test_deep_layers_ask_for_more_pixels():
    with pytest.raises(ImageError, match="at least 32 pixels a side"):
        plan((20, 512), StyleConfig(style_layers={"pool5": 1.0}))


def test_a_limit_of_memory_gives_tiles_and_the_same_picture(photograph, painting, monkeypatch):
    from velatura.painting import engine
    from velatura.painting.memory import MemoryPlan

    photograph = photograph.resize((240, 200))
    config = StyleConfig(steps=(2, 2), precision="fp32", style_loss="gram", style_weight=1e-6)
    whole = last(transfer(photograph, [painting], config))
    monkeypatch.setattr(engine, "plan_memory", lambda *_: MemoryPlan(180 * 180, 10))
    tiled = last(transfer(photograph, [painting], config))
    assert whole.tiles == 1
    assert tiled.tiles > 1
    torch.testing.assert_close(tiled.image, whole.image, atol=2e-3, rtol=0)


def test_no_style_is_told_and_one_style_needs_no_list(photograph, painting):
    with pytest.raises(ConfigError, match="at least one image"):
        next(transfer(photograph, []))
    assert next(transfer(photograph, painting, StyleConfig(**SHORT))).number == 1


def test_bf16_paints_a_picture_as_good_as_fp32_does():
    """Both judged in float32: the final losses are within one percent."""
    photo = Image.fromarray(data.astronaut()).resize((96, 96))
    painting = Image.fromarray(data.immunohistochemistry()).resize((96, 96))
    config = StyleConfig(palette="photograph", steps=(24,), single_scale=True)
    network = VGG19(weights.load(), config.layers, padding=config.padding)
    judge = Objective(network, read(photo).pixels, [read(painting).pixels], config)
    losses = []
    for precision in ("fp32", "bf16"):
        config = dataclasses.replace(config, precision=precision)
        terms, _ = judge(last(transfer(photo, painting, config)).latent)
        losses.append(float(sum(terms.values())))
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam", "colors": "content-luminance"}])
def test_images_that_want_gradients_get_a_picture_that_carries_none(photograph, painting, options):
    """Else every step's latent would keep the whole way there."""
    images = [read(image).pixels.requires_grad_() for image in (photograph, painting, photograph)]
    for step in transfer(*images[:2], StyleConfig(**SHORT, **options), initial=images[2]):
        tensors = [step.latent, step.image, step.colors, *step.state().optimizer.values()]
        assert not any(tensor.requires_grad for tensor in tensors if tensor is not None)
    assert images[0].grad is None
    assert images[0].requires_grad  # the caller's own is as it was


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_the_callers_mode_changes_nothing_and_is_left_as_it_was(photograph, painting, mode):
    config = StyleConfig(**SHORT)
    expected = last(transfer(photograph, painting, config)).latent
    with mode():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        steps = transfer(read(photograph).pixels, painting, config)
        for step in steps:  # noqa: B007
            assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
        picture = velatura.stylize(photograph, painting, config)
    assert torch.equal(step.latent, expected)
    assert picture.tobytes() == to_pil(expected).tobytes()


def test_stylize_keeps_no_more_than_two_steps(photograph, painting, monkeypatch):
    latents, most = [], 0

    def watched(*arguments, **options):
        nonlocal most
        for step in transfer(*arguments, **options):
            latents.append(weakref.ref(step.latent))
            step = dataclasses.replace(step, optimizer=LBFGS())  # which keeps the last one too
            yield step
            del step
            most = max(most, sum(latent() is not None for latent in latents))

    monkeypatch.setattr("velatura.session.session.transfer", watched)
    velatura.stylize(photograph, painting, steps=(5, 5), precision="fp32")
    assert len(latents) == 10
    assert most <= 2


def test_styles_come_from_any_iterable_that_has_an_order(photograph, painting):
    other = painting.rotate(90)
    config = StyleConfig(blend=(1, 3), steps=(1,), precision="fp32")
    expected = next(transfer(photograph, [painting, other], config)).loss
    for styles in (
        iter([painting, other]),
        (s for s in (painting, other)),
        {1: painting, 2: other}.values(),
    ):
        assert next(transfer(photograph, styles, config)).loss == expected
    for styles in ({"a.png", "b.png"}, {"a.png": 1, "b.png": 2}):
        with pytest.raises(ConfigError, match="styles: expected a list, as their order matters"):
            next(transfer(photograph, styles, config))
    with pytest.raises(ImageError, match="got NoneType"):
        next(transfer(photograph, None))


def test_a_style_may_be_a_files_contents(files, photograph):
    path = files / "painting.png"
    config = StyleConfig(steps=(1,), precision="fp32")
    expected = next(transfer(photograph, path, config)).loss
    for style in (path.read_bytes(), BytesIO(path.read_bytes()), [path.read_bytes()]):
        assert next(transfer(photograph, style, config)).loss == expected


class Reads(TorchDispatchMode):
    """Counts how often the host reads a number of a tensor."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("masked", [False, True])
def test_a_step_reads_nothing_of_the_device(embedded, photograph, painting, masked):
    config = StyleConfig()
    network = VGG19(embedded, config.layers, padding=config.padding)
    image, style = read(photograph).pixels, read(painting).pixels
    masks = [(image[:, :1] > 0.5).float()] if masked else []
    objective, optimizer = Objective(network, image, [style], config, masks=masks), LBFGS()
    image = optimizer.step(image, objective(image)[1])
    with Reads() as reads:
        for _ in range(2):
            image = optimizer.step(image, objective(image)[1])
    assert reads.count == 0


def test_a_step_that_is_no_picture_is_refused_when_it_is_kept(photograph, painting):
    step = next(transfer(photograph, painting, StyleConfig(**SHORT)))
    broken = dataclasses.replace(step, latent=step.latent * torch.nan)
    with pytest.raises(velatura.DivergenceError, match="diverged at step 1"):
        broken.state()
