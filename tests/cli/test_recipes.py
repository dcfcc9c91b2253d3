import json
import time

from PIL import Image


def test_all_are_listed(velatura):
    done = velatura("recipes")
    assert done.returncode == 0
    for name in ("gatys-2016", "single-layer", "weighted-layers", "anatomical", "smooth"):
        assert name in done.stdout
    assert set(json.loads(velatura("recipes", "--json").stdout)) >= {"default", "content-tenth"}


def test_one_is_shown_with_settings_that_the_command_line_takes(velatura):
    done = velatura("recipes", "weighted-layers")
    assert "beta 1e6" in done.stdout
    assert "--style-layers conv1_1=1,conv2_1=0.8,conv3_1=0.5,conv4_1=0.3,conv5_1=0.1" in done.stdout
    flags = [line for line in done.stdout.splitlines() if line.startswith("--")]
    arguments = [part for line in flags for part in line.split()]
    arguments[arguments.index("--steps") + 1] = "2"
    again = velatura("stylize", "photo.png", "painting.png", "-o", "out.png", "--json", *arguments)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["settings"]["content_layers"] == {"conv4_2": 1.0}


def test_options_override_a_recipe(velatura):
    done = velatura(
        *("stylize", "photo.png", "painting.png", "-o", "out.png", "--json"),
        *("--recipe", "anatomical", "--steps", "3", "--init", "noise"),
    )
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)["settings"]
    assert settings["init"] == "noise"
    assert settings["style_loss"] == "gram"
    assert settings["size"] == 128


def test_an_unknown_recipe_is_one_line(velatura):
    for arguments in (
        ("recipes", "nope"),
        ("stylize", "photo.png", "painting.png", "-o", "o.png", "--recipe", "nope"),
    ):
        done = velatura(*arguments)
        assert done.returncode == 2
        assert "expected one of default" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_texture_has_the_size_asked_for(velatura):
    done = velatura(
        *("texture", "painting.png", "-o", "t.png", "--size", "100x60", "--steps", "3,2", "--json")
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["content"] is None
    assert all(name.startswith("style") for name in report["losses"])
    with Image.open(velatura.folder / "t.png") as picture:
        assert picture.size == (100, 60)


def test_a_texture_can_be_stopped_and_goes_on(velatura):
    process = velatura.start(
        *("texture", "painting.png", "-o", "t.png", "--size", "96", "--steps", "30"),
        *("--checkpoint", "state", "--checkpoint-seconds", "0"),
    )
    while not (velatura.folder / "state" / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    done = velatura("resume", "state", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 30


def test_other_sizes_of_a_texture_are_refused(velatura):
    for size in ("big", "8x8", "100x", "-5", "100x4"):
        done = velatura("texture", "painting.png", "-o", "t.png", f"--size={size}")
        assert done.returncode == 2
        assert "WIDTHxHEIGHT" in done.stderr


def test_a_layer_is_reconstructed(velatura):
    done = velatura(
        *("reconstruct", "photo.png", "--layer", "relu2_1", "-o", "r.png", "--steps", "20,15"),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report["losses"]) == ["content relu2_1"]
    assert report["loss"] < 0.3
    with Image.open(velatura.folder / "r.png") as picture:
        assert picture.size == (96, 64)


def test_an_unknown_layer_is_one_line(velatura):
    done = velatura("reconstruct", "photo.png", "--layer", "relu9_9", "-o", "r.png")
    assert done.returncode == 2
    assert "expected a layer of VGG-19" in done.stderr
    assert done.stderr.count("\n") == 1


def test_records_are_kept(velatura):
    done = velatura(
        *("stylize", "photo.png", "painting.png", "-o", "out.png", "--steps", "4,3"),
        *("--film", "f.gif", "--strip", "s.png", "--log", "l.jsonl", "--plot", "p.png"),
    )
    assert done.returncode == 0, done.stderr
    lines = (velatura.folder / "l.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 8))
    for name in ("f.gif", "s.png", "p.png"):
        with Image.open(velatura.folder / name) as picture:
            assert picture.width > 0


def test_records_that_cannot_be_written_are_refused_at_once(velatura):
    for option, path, told in (
        ("--film", "f.avi", "film's name ending in"),
        ("--film", "nowhere/f.gif", "does not exist"),
        ("--strip", "s.txt", "expected a name ending in"),
        ("--log", "nowhere/l.jsonl", "does not exist"),
        ("--plot", "nowhere/p.png", "does not exist"),
    ):
        done = velatura("stylize", "photo.png", "painting.png", "-o", "out.png", option, path)
        assert done.returncode == 2, option
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
