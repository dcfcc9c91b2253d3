import json

import pytest

from velatura.painting.learned_models import load

QUICK = "--steps 2 --batch 1 --crop 32 --looks 1 --precision fp32"


@pytest.fixture
def photos(files, photograph, painting):
    for name, picture in (("photos", photograph), ("paintings", painting)):
        (files / name).mkdir()
        for number in range(2):
            picture.rotate(180 * number).save(files / name / f"{number}.png")
    return files


def test_updates_are_trained_and_painted_with(velatura, photos):
    train = f"updates train --photos photos --paintings paintings -o u.safetensors {QUICK}"
    done = velatura(*train.split(), "--json", "--quiet", "--sheet", "sheet.png")
    assert done.returncode == 0, done.stderr
    model = json.loads(done.stdout)["model"]
    assert model["steps"] == 2
    assert {"learned 8", "lbfgs 8"} <= {*model["curve"]}
    assert load(str(velatura.folder / "u.safetensors")).card["paintings"] == ["0.png", "1.png"]
    assert (velatura.folder / "sheet.png").exists()
    paint = "--size 64 --steps 2,1 --optimizer learned --updates u.safetensors"
    done = velatura("stylize", "photo.png", "painting.png", "-o", "out.png", *paint.split())
    assert done.returncode == 0, done.stderr
    assert (velatura.folder / "out.png").exists()


def test_updates_that_are_none_are_refused(velatura, photos):
    paint = "--size 64 --steps 1 --optimizer learned --updates photo.png"
    done = velatura("stylize", "photo.png", "painting.png", "-o", "out.png", *paint.split())
    assert done.returncode == 2
    assert "expected a model file" in done.stderr
    assert len(done.stderr.splitlines()) == 1
