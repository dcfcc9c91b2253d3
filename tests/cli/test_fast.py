import errno
import json

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from velatura.cli.fast_apply import backend
from velatura.cli.main import build_parser
from velatura.cli.options import given_options
from velatura.errors import FileError
from velatura.fast import styles
from velatura.fast.network import StyleNetwork
from velatura.fast.options import PaintOptions
from velatura.fast.styles import Style, load, save
from velatura.fast.training import InTurn
from velatura.images.color import oklab
from velatura.images.io import read

QUICK = "--steps 6 --batch 1 --crop 64 --size 96 --content-layers relu2_1 --style-layers relu1_1"


@pytest.fixture
def photos(files, photograph):
    folder = files / "photos"
    folder.mkdir()
    for number in range(3):
        photograph.rotate(180 * number).save(folder / f"{number}.jpg")
    return folder


@pytest.fixture
def style(files):
    save(files / "style.safetensors", Style(StyleNetwork(2), {"painting": "noise"}))
    return files / "style.safetensors"


def assert_same_network(folder, *names):
    one, other = (load(str(folder / f"{name}.safetensors")).network for name in names)
    for name, tensor in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_a_style_is_trained_applied_and_exported(velatura, photos):
    train = f"fast train painting.png --photos photos -o s.safetensors {QUICK} --json --quiet"
    done = velatura(*train.split(), "--sheet", "sheet.png", "--log", "log.jsonl")
    assert done.returncode == 0, done.stderr
    (card,) = json.loads(done.stdout)["styles"]
    assert card["painting"] == "painting"
    assert card["steps"] == 6
    assert card["command"] == f"velatura {train} --sheet sheet.png --log log.jsonl"
    assert len((velatura.folder / "log.jsonl").read_text().splitlines()) == 6
    with Image.open(velatura.folder / "sheet.png") as sheet:
        assert sheet.width > 100
    assert load(str(velatura.folder / "s.safetensors")).card["options"]["crop"] == 64
    assert not list(velatura.folder.glob("*.unfinished"))
    done = velatura("fast", "apply", "photo.png", "--style", "s.safetensors", "-o", "out.png")
    assert done.returncode == 0, done.stderr
    with Image.open(velatura.folder / "out.png") as image:
        assert image.size == (96, 64)
    done = velatura("fast", "export", "s.safetensors", "-o", "s.onnx")
    assert done.returncode == 0, done.stderr
    assert "differs from PyTorch by at most" in done.stderr


def test_an_interrupted_training_goes_on_by_the_same_command(velatura, photos, ctrl_c_at_step):
    train = f"fast train painting.png --photos photos -o s.safetensors {QUICK}".split()
    whole = velatura(*train, "--seed", "1", "-o", "whole.safetensors")
    assert whole.returncode == 0, whole.stderr
    with ctrl_c_at_step(3):
        done = velatura(*train, "--seed", "1", "--log", "log")
    assert done.returncode == 130
    assert "the same command goes on" in done.stderr
    done = velatura(*train, "--seed", "2")
    assert done.returncode == 2
    assert "got one with others" in done.stderr
    done = velatura(*train, "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert "going on after step" in done.stderr
    assert_same_network(velatura.folder, "whole", "s")


def test_broken_photographs_are_named_counted_and_left_out(velatura, photos):
    for name in ("0.jpg", "2.jpg"):
        (photos / name).write_bytes(b"no picture")
    train = f"fast train painting.png --photos photos -o s.safetensors {QUICK} --json --quiet"
    done = velatura(*train.split())
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("left out: photos") == 2
    assert "photographs that were left out: 2" in done.stderr
    assert json.loads(done.stdout)["styles"][0]["left_out"] == 2


def test_a_full_disk_costs_the_record_and_not_the_training(velatura, photos, monkeypatch):
    def refuse(tensors, path, metadata):
        if "about" in json.loads(metadata["velatura"]):  # a state; the style itself still fits
            raise OSError(errno.ENOSPC, "No space left on device")
        return save_file(tensors, path, metadata)

    monkeypatch.setattr("safetensors.torch.save_file", refuse)
    monkeypatch.setattr("velatura.cli.training.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    done = velatura(
        *f"fast train painting.png --photos photos -o s.safetensors {QUICK} --quiet".split(),
        *("--log", "/dev/full", "--sheet", "sheet.png"),
    )
    assert done.returncode == 2, done.stderr  # it is told once more, at the end
    assert done.stderr.count("s.safetensors.unfinished: cannot be written") == 1
    assert done.stderr.count("/dev/full: cannot be written") == 1
    assert "s.safetensors.unfinished: cannot be written (No space left on device)" in done.stderr
    assert "/dev/full: cannot be written (No space left on device)" in done.stderr
    assert load(str(velatura.folder / "s.safetensors")).card["steps"] == 6
    assert not list(velatura.folder.glob("*.unfinished"))
    assert not list(velatura.folder.glob(".velatura-*"))


def test_ctrl_c_on_a_full_disk_still_writes_the_style(
    velatura, photos, monkeypatch, ctrl_c_at_step
):
    def refuse(path, state, about):
        raise FileError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr("velatura.training.loop.save", refuse)
    train = f"fast train painting.png --photos photos -o s.safetensors {QUICK} --log log"
    with ctrl_c_at_step(1):
        done = velatura(*train.split())
    assert done.returncode == 130
    assert "the same command goes on" not in done.stderr
    assert load(str(velatura.folder / "s.safetensors")).card["steps"] == 1


def test_ctrl_c_amid_a_step_loses_and_repeats_none(velatura, photos, monkeypatch):
    """Interrupted while the next step's result is judged, its parameters already changed."""
    train = f"fast train painting.png --photos photos {QUICK}"
    whole = velatura(*train.split(), "-o", "whole.safetensors")
    assert whole.returncode == 0, whole.stderr

    def interrupt(self, networks):
        raise KeyboardInterrupt

    monkeypatch.setattr("velatura.training.loop.JUDGE_EVERY", 3)
    monkeypatch.setattr("velatura.fast.training.JUDGE_EVERY", 3)
    judge = InTurn.judge
    monkeypatch.setattr(InTurn, "judge", interrupt)
    assert velatura(*train.split(), "-o", "s.safetensors").returncode == 130
    monkeypatch.setattr(InTurn, "judge", judge)
    done = velatura(*train.split(), "-o", "s.safetensors")
    assert "going on after step 2" in done.stderr
    assert_same_network(velatura.folder, "whole", "s")


def test_ctrl_c_after_the_last_step_stops_nothing(velatura, photos, ctrl_c_at_step):
    train = f"fast train painting.png --photos photos -o s.safetensors {QUICK} --log log"
    with ctrl_c_at_step(6):
        done = velatura(*train.split())
    assert done.returncode == 0, done.stderr
    assert not list(velatura.folder.glob("*.unfinished"))


def test_several_paintings_are_trained_together_and_go_on_together(
    velatura, photos, ctrl_c_at_step
):
    train = f"fast train painting.png photo.png --photos photos -o styles {QUICK} --json"
    (photos / "1.jpg").write_bytes(b"no picture")
    with ctrl_c_at_step(3):
        done = velatura(*train.split(), "--log", "log", "--sheet", "sheet.png")
    assert done.returncode == 130
    done = velatura(*train.replace("painting.png photo.png", "photo.png painting.png").split())
    assert done.returncode == 2
    assert "got one with others" in done.stderr
    done = velatura(*train.split(), "--sheet", "sheet.png")
    assert done.returncode == 0, done.stderr
    assert "going on after step 3" in done.stderr
    assert done.stderr.count("left out: photos") <= 1  # once, not once a painting
    with Image.open(velatura.folder / "sheet.png") as sheet:
        assert sheet.width > 3 * 96  # a photograph and two pictures
    cards = json.loads(done.stdout)["styles"]
    assert [card["painting"] for card in cards] == ["painting", "photo"]
    assert [card["trained_with"] for card in cards] == [["photo"], ["painting"]]
    assert [card["steps"] for card in cards] == [6, 6]
    one, other = (load(str(velatura.folder / card["output"])).network for card in cards)
    assert torch.equal(one.block1a_kernel, other.block1a_kernel)
    assert not torch.equal(one.block1a_bias, other.block1a_bias)
    left = {path.name for path in (velatura.folder / "styles").iterdir()}
    assert left == {"painting.safetensors", "photo.safetensors"}


def test_a_folder_of_photographs_is_painted_and_broken_ones_are_named(velatura, photos, style):
    (photos / "broken.jpg").write_bytes(b"no picture")
    done = velatura(
        "fast", "apply", "photos", "--style", str(style), "-o", "out", "--json", "--size", "48"
    )
    assert done.returncode == 2
    assert "broken.jpg" in done.stderr
    report = json.loads(done.stdout)
    assert report["failed"] == 1
    assert len(report["pictures"]) == 3
    with Image.open(velatura.folder / "out" / "0.png") as image:
        assert max(image.size) == 48


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("photo.png", "onnx"),
        ("photo.png --strength 0.5 --size 64", "onnx"),
        ("large.png", "torch"),
        ("large.png --size 512", "onnx"),
        ("photo.png --colors content-match", "torch"),
        ("photo.png --precision fp32", "torch"),
        ("photo.png --backend torch", "torch"),
        ("photo.png photo.png", "torch"),
        (". --style s.onnx", "onnx"),
        ("missing.png", "torch"),
    ],
)
def test_onnxruntime_paints_one_small_photograph(files, monkeypatch, words, expected):
    Image.new("RGB", (2000, 1100)).save(files / "large.png")
    monkeypatch.chdir(files)
    given = build_parser(["fast"]).parse_args(
        ["fast", "apply", "--style", "starry_night", "-o", "out.png", *words.split()]
    )
    options = PaintOptions(**given_options(given, PaintOptions))
    assert backend(given, options) == expected
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert backend(given, options) == (expected if ".onnx" in words else "torch")


def test_onnxruntime_is_told_to_paint_on_the_cpu_alone(velatura, style):
    words = f"fast apply photo.png --style {style} -o out.png --backend onnx --device cuda"
    done = velatura(*words.split())
    assert done.returncode == 2
    assert "onnx paints on the CPU" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_photographs_colours_can_be_kept(velatura, style):
    """Every pixel's hue and chroma with the one, mean and spread of all with the other."""
    photograph = read(velatura.folder / "photo.png").pixels
    apart = {}
    for colors in ("style", "content-luminance", "content-match"):
        arguments = ("fast", "apply", "photo.png", "--style", str(style), "--colors", colors)
        assert velatura(*arguments, "-o", "out.png").returncode == 0
        painted = read(velatura.folder / "out.png").pixels
        assert float((painted - photograph).abs().mean()) > 0.02  # something was painted
        pixels, wanted = painted.flatten(2)[0], photograph.flatten(2)[0]
        apart[colors] = (
            float((oklab(painted) - oklab(photograph))[:, 1:].abs().mean()),
            float((pixels.mean(1) - wanted.mean(1)).abs().max()),
            float((pixels.std(1) - wanted.std(1)).abs().max()),
        )
    assert apart["content-luminance"][0] < 0.005 < 0.02 < apart["style"][0]
    assert max(apart["content-match"][1:]) < 0.02 < 0.05 < max(apart["style"][1:])


def test_transparency_is_kept(velatura, style):
    image = Image.new("RGBA", (40, 30), (200, 30, 30, 255))
    image.putpixel((3, 3), (0, 0, 0, 0))
    image.save(velatura.folder / "clear.png")
    assert (
        velatura("fast", "apply", "clear.png", "--style", str(style), "-o", "o.png").returncode == 0
    )
    with Image.open(velatura.folder / "o.png") as painted:
        assert painted.mode == "RGBA"
        assert painted.getpixel((3, 3))[3] == 0


def test_list_names_the_shipped_styles(velatura):
    shown, cards = velatura("fast", "list"), velatura("fast", "list", "--json")
    assert (shown.returncode, cards.returncode) == (0, 0)
    found = {card["name"]: card["painting"] for card in json.loads(cards.stdout)}
    assert {"starry_night", "the_scream"} <= {*found}
    assert {*found} == {path.stem for path in styles.REGISTRY.folder.glob("*.safetensors")}
    for line, (name, painting) in zip(shown.stdout.splitlines(), found.items(), strict=True):
        assert line.split(maxsplit=1) == [name, painting]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("train painting.png --photos nowhere -o s.safetensors", "expected a folder"),
        ("train painting.png --photos . -o s.bin", "ending in .safetensors"),
        ("train painting.png --photos . -o no/s.safetensors", "the folder no does not exist"),
        (
            "train painting.png --photos . -o s.safetensors --steps 0",
            "steps: expected a number of at least 1",
        ),
        ("train missing.png --photos . -o s.safetensors", "found nothing"),
        ("train painting.png --photos . -o s.safetensors --start-from photo.png", "model file"),
        ("train photo.png photo.png --photos . -o styles", "expected different names"),
        ("train photo.png painting.png --photos . -o photo.png", "it is an input"),
        ("apply photo.png --style nosuch -o o.png", "expected a file or one of"),
        ("apply photo.png --style photo.png -o o.png", "expected a model file"),
        ("apply photo.png --style style.safetensors -o o.png --strength 2", "from 0 to 1"),
        ("apply photo.png --style style.safetensors -o o.png --size 2", "at least 16 pixels"),
        ("apply photo.png --style style.safetensors -o photo.png", "it is an input"),
        ("apply missing.png --style style.safetensors -o o.png", "found nothing"),
        ("apply photo.png --style style.safetensors -o o.xyz", "expected a name ending in"),
        ("export style.safetensors -o s.bin", "ending in .onnx"),
        ("export photo.png -o s.onnx", "expected a model file"),
    ],
)
def test_bad_input_is_told_in_one_line(velatura, style, arguments, told):
    done = velatura("fast", *arguments.split())
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_training_begins_with_a_style_that_is_given(velatura, photos, style):
    train = f"fast train painting.png --photos photos -o s.safetensors {QUICK}".split()
    done = velatura(*train, "--start-from", "style.safetensors")
    assert done.returncode == 0, done.stderr
    one, other = (load(str(velatura.folder / f"{name}.safetensors")) for name in ("style", "s"))
    assert float((one.network.down2_kernel - other.network.down2_kernel).abs().max()) < 0.05
    assert not torch.equal(one.network.down2_kernel, other.network.down2_kernel)
