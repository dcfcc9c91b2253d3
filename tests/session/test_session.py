import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from velatura import (
    Checkpoint,
    CheckpointError,
    ConfigError,
    Job,
    Session,
    StyleConfig,
    VelaturaError,
)
from velatura.errors import FileError
from velatura.images.io import read_settings
from velatura.session.checkpoint import STATE
from velatura.session.job import FILE_NAME
from velatura.session.session import run

CONFIG = StyleConfig(size=32, steps=(3,), precision="fp32", single_scale=True)


@pytest.fixture
def job(photograph, painting):
    return Job(photograph, [painting], CONFIG)


def pixels(result):
    return np.asarray(result.image)


def test_a_job_becomes_a_picture_in_a_file(job, tmp_path):
    steps = []
    output = tmp_path / "out.png"
    result = run(dataclasses.replace(job, output=output), on_step=steps.append)
    assert [step.number for step in steps] == [1, 2, 3] == list(range(1, result.steps + 1))
    assert result.losses == steps[-1].terms
    assert result.settings == result.image.info["velatura"]
    assert read_settings(output) == json.loads(json.dumps(result.settings))
    assert result.settings["config"] == CONFIG.as_dict()
    with Image.open(output) as image:
        assert (np.asarray(image) == pixels(result)).all()


def test_files_are_named_in_the_settings(files):
    job = Job(files / "photo.png", [str(files / "painting.png")], CONFIG)
    settings = job.settings(3)
    assert (settings["content"], settings["styles"]) == ("photo.png", ["painting.png"])


def test_a_stopped_session_has_a_picture_at_full_size(photograph, painting):
    session = Session(Job(photograph, [painting], StyleConfig(size=96, steps=(2, 2))))
    for step in session:
        assert step.latent.shape[-1] < 96
        break
    assert session.result().picture.size == (64, 96)
    assert session.result().steps == 1


def test_nothing_is_the_result_before_the_first_step(job):
    with pytest.raises(VelaturaError, match="nothing is painted"):
        Session(job).result()


def test_alpha_is_the_content_images(photograph, painting):
    clear = photograph.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 48, 64))
    result = run(Job(clear, [painting], CONFIG))
    alpha = pixels(result)[:, :, 3]
    assert result.image.mode == "RGBA"
    assert (alpha[:, :12] == 0).all()
    assert (alpha[:, 20:] == 255).all()


def test_a_result_shows_itself_without_its_numbers(job):
    result = run(job)
    assert result._repr_png_().startswith(b"\x89PNG")
    assert repr(result) == f"Result(32×21, step 3 of 3, {result.seconds:.1f} s)"


def test_a_step_shows_itself_without_its_tensors(job):
    step = next(iter(Session(job)))
    assert step._repr_png_().startswith(b"\x89PNG")
    assert repr(step).startswith("Step(1 of 3, 32×21, loss ")


def test_what_else_goes_wrong_is_one_error_with_advice(job, monkeypatch):
    def failing(*arguments, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        yield

    monkeypatch.setattr("velatura.session.session.transfer", failing)
    with pytest.raises(VelaturaError, match=r"out of memory.*a smaller size or memory may help"):
        run(job)


def test_a_painting_goes_on_exactly_where_it_stopped(job, tmp_path):
    whole = run(job)
    session = Session(job, Checkpoint(tmp_path))
    for step in session:
        if step.number == 2:
            break
    session.close()
    assert {path.name for path in tmp_path.iterdir()} == {STATE, FILE_NAME}
    seen = []
    result = run(job, on_step=seen.append, checkpoint=Checkpoint(tmp_path))
    assert [step.number for step in seen] == [3]
    assert (pixels(result) == pixels(whole)).all()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"config": dataclasses.replace(CONFIG, strength=0.7)},
        {"content": Image.new("RGB", (96, 64))},
        {"masks": [np.ones((64, 96), np.float32)]},
        {"initial": Image.new("RGB", (96, 64))},
        {"upscale": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_painting_does_not_go_on(job, tmp_path, change):
    session = Session(job, Checkpoint(tmp_path))
    next(iter(session))
    session.close()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match="another painting that is not finished"):
        run(dataclasses.replace(job, **change), checkpoint=Checkpoint(tmp_path))
    assert kept == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_the_time_limit_may_be_another(job, tmp_path):
    limited = dataclasses.replace(job, config=dataclasses.replace(CONFIG, max_seconds=1e-9))
    assert run(limited, checkpoint=Checkpoint(tmp_path)).steps == 1
    assert run(job, checkpoint=Checkpoint(tmp_path)).steps == 3


def test_a_step_that_was_interrupted_is_not_kept(job, tmp_path, monkeypatch):
    """The optimiser is ahead of the image then; what was kept before stays."""
    session = Session(job, Checkpoint(tmp_path, seconds_between=0))
    steps = iter(session)
    next(steps)
    kept = (tmp_path / STATE).read_bytes()
    monkeypatch.setattr("velatura.painting.optimizers.LBFGS.step", None)
    with pytest.raises(TypeError):
        next(steps)
    session.close()
    assert (tmp_path / STATE).read_bytes() == kept


def test_a_checkpoint_of_images_in_memory_is_not_for_the_command(job, tmp_path):
    session = Session(job, Checkpoint(tmp_path))
    next(iter(session))
    session.close()
    with pytest.raises(ConfigError, match="call stylize again"):
        Job.load(tmp_path)


def test_a_damaged_job_is_told(job, tmp_path):
    session = Session(job, Checkpoint(tmp_path))
    next(iter(session))
    session.close()
    stored = json.loads((tmp_path / FILE_NAME).read_text())
    (tmp_path / FILE_NAME).write_text(json.dumps(stored | {"memory": 5}))
    with pytest.raises(CheckpointError, match="holds no painting to go on with"):
        Session(job, Checkpoint(tmp_path))


def test_errors_of_the_checkpoint_do_not_end_the_painting(job, tmp_path, monkeypatch):
    def refuse(path, state):
        raise FileError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr("velatura.painting.checkpoint.save", refuse)
    told = []
    checkpoint = Checkpoint(tmp_path, 0, lambda path, error: told.append((path.name, str(error))))
    assert run(job, checkpoint=checkpoint).steps == 3
    assert {name for name, _ in told} == {STATE}
    with pytest.raises(FileError, match="No space left"):
        run(job, checkpoint=Checkpoint(tmp_path / "other", 0))


def test_enlarging_is_told_in_the_settings(job):
    result = run(dataclasses.replace(job, upscale=2))
    assert result.picture.size == (42, 64)
    assert result.settings["upscale"] == 2


def test_a_tensor_that_wants_a_gradient_gets_no_graph(painting):
    content = torch.rand(3, 24, 32, requires_grad=True)
    result = run(Job(content, [painting], CONFIG))
    assert not result.picture.pixels.requires_grad
