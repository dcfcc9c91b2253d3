import json

import imagecodecs
import numpy as np
import pytest
import torch
from PIL import Image

from velatura.images.io import read_settings
from velatura.superres.models import UpscaleModel, load, save
from velatura.superres.network import UpscaleNetwork

QUICK = "--steps 6 --batch 1 --crop 16 --precision fp32"


@pytest.fixture
def photos(files, photograph):
    folder = files / "photos"
    folder.mkdir()
    for number in range(3):
        photograph.resize((240, 200)).rotate(180 * number).save(folder / f"{number}.jpg")
    return folder


@pytest.fixture
def model(files):
    torch.manual_seed(2)
    save(files / "m.safetensors", UpscaleModel(UpscaleNetwork(), {"steps": 0}))
    return files / "m.safetensors"


def test_a_model_is_trained_used_and_exported(velatura, photos):
    train = f"upscale train --photos photos -o m.safetensors {QUICK} --json --quiet"
    done = velatura(*train.split(), "--sheet", "sheet.png", "--log", "log.jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"]["steps"] == 6
    assert len((velatura.folder / "log.jsonl").read_text().splitlines()) == 6
    assert (velatura.folder / "sheet.png").exists()
    assert load(str(velatura.folder / "m.safetensors")).card["options"]["crop"] == 16
    assert not list(velatura.folder.glob("*.unfinished"))
    use = ["--model", "m.safetensors", "--scale", "3"]
    done = velatura("upscale", "photo.png", "-o", "out.png", *use, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["width"] == 288
    with Image.open(velatura.folder / "out.png") as image:
        assert image.size == (288, 192)
    assert read_settings(velatura.folder / "out.png")["scale"] == 3
    done = velatura("upscale", "export", "m.safetensors", "--scale", "2", "-o", "m.onnx")
    assert done.returncode == 0, done.stderr
    assert "differs from PyTorch by at most" in done.stderr


def test_an_interrupted_training_goes_on_by_the_same_command(velatura, photos, ctrl_c_at_step):
    train = f"upscale train --photos photos -o m.safetensors --log log {QUICK}".split()
    with ctrl_c_at_step(3):
        done = velatura(*train)
    assert done.returncode == 130
    assert load(str(velatura.folder / "m.safetensors")).card["steps"] == 3
    done = velatura(*train)
    assert done.returncode == 0, done.stderr
    assert "going on after step 3" in done.stderr


def test_folders_go_to_folders(velatura, model, photos):
    (photos / "broken.jpg").write_bytes(b"no picture")
    done = velatura("upscale", "photos", "-o", "large", "--model", "m.safetensors", "--scale", "2")
    assert done.returncode == 2
    assert "1 of 4" in done.stderr
    with Image.open(velatura.folder / "large" / "1.png") as image:
        assert image.size == (480, 400)


def test_sixteen_bits_and_transparency_are_kept(velatura, model):
    array = np.random.default_rng(0).integers(0, 65536, (12, 10, 4), dtype=np.uint16)
    (velatura.folder / "deep.png").write_bytes(imagecodecs.png_encode(array))
    use = ["--model", "m.safetensors", "--scale", "2"]
    done = velatura("upscale", "deep.png", "-o", "out.png", *use)
    assert done.returncode == 0, done.stderr
    found = imagecodecs.png_decode((velatura.folder / "out.png").read_bytes())
    assert found.dtype == np.uint16
    assert found.shape == (24, 20, 4)
    assert (found % 257 != 0).any()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["upscale", "photo.png", "-o", "o.png", "--scale", "5"], "--scale"),
        (["upscale", "photo.png", "-o", "o.png", "--model", "best"], "one of"),
        (["upscale", "photo.png", "-o", "o.png", "--model", "photo.png"], "expected a model file"),
        (["upscale", "missing.png", "-o", "o.png"], "found nothing"),
        (["upscale", "photo.png", "-o", "photo.png"], "it is an input"),
        (["upscale", "photo.png", "-o", "o.xyz"], "expected a name ending in"),
        (["upscale", "train", "--photos", "nowhere", "-o", "m.safetensors"], "expected a folder"),
        (["upscale", "train", "--photos", ".", "-o", "m.bin"], "ending in .safetensors"),
        (["upscale", "train", "--photos", ".", "-o", "m.safetensors", "--jpeg", "0"], "jpeg"),
        (["upscale", "export", "best", "-o", "m.onnx"], "one of"),
    ],
)
def test_bad_input_is_one_line(velatura, files, arguments, complaint):
    if "m.safetensors" not in arguments and "--model" not in arguments:
        torch.manual_seed(2)
    done = velatura(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (velatura.folder / "o.png").exists()


def test_a_painting_is_enlarged_when_it_is_done(velatura, files):
    paint = ["stylize", "photo.png", "painting.png", "--size", "64", "--steps", "1", "--json"]
    done = velatura(*paint, "-o", "large.png", "--upscale", "2")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    with Image.open(velatura.folder / "large.png") as image:
        assert image.size == (report["width"], report["height"]) == (128, 86)
    assert read_settings(velatura.folder / "large.png")["upscale"] == 2
