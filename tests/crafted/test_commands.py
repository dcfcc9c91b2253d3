"""Commands given mutated files end well or in one line; nothing is half written."""

import signal

import pytest
import torch
from hypothesis import strategies as st
from PIL import Image
from tests.crafted.mutated import examples, for_all, mutated

from velatura.cli.main import main
from velatura.fast.layers import ARCHITECTURE
from velatura.images import tensorfile
from velatura.images.io import write
from velatura.painting import checkpoint
from velatura.painting.config import StyleConfig
from velatura.perception import weights
from velatura.session.checkpoint import STATE
from velatura.session.job import FILE_NAME, Job


@pytest.fixture
def folder(files, embedded, monkeypatch):
    """Where the commands run, with small pictures; the network's own weights are read once."""
    real = weights.load
    monkeypatch.setattr(
        weights,
        "load",
        lambda source="embedded": embedded if source == "embedded" else real(source),
    )
    monkeypatch.chdir(files)
    for name in ("photo", "painting"):
        with Image.open(f"{name}.png") as picture:
            picture.resize((48, 32)).save(f"{name}.png")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield files
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def commands(folder):
    """By the file that is mutated: its right content, and the command that reads it."""
    write(
        folder / "made.png", Image.new("L", (8, 8)), {"steps": 5, "config": StyleConfig().as_dict()}
    )
    tensorfile.write(folder / "m.safetensors", {"a": torch.rand(9)}, {"architecture": ARCHITECTURE})
    torch.save({"conv1_1.weight": torch.rand(64, 3, 3, 3)}, folder / "w.pth")
    config = StyleConfig(
        size=48,
        steps=(2,),
        single_scale=True,
        precision="fp32",
        content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 1.0},
        color_weight=0.0,
        content_focus=0.0,
    )
    photo, painting = folder / "photo.png", folder / "painting.png"
    Job(photo, [painting], config, folder / "out.png").save(folder / "state")
    image = torch.rand(1, 3, 32, 48)
    memory = {"gamma": torch.tensor(0.0), "image": image.clone(), "gradient": image.clone()}
    checkpoint.save(folder / "state" / STATE, checkpoint.State(1, 1.0, image, memory))
    given = {
        "made.png": "show-settings made.png",
        "m.safetensors": "fast apply photo.png --style m.safetensors -o out.png --backend torch",
        "w.pth": "stylize photo.png painting.png -o out.png --steps 1 --weights w.pth",
        f"state/{FILE_NAME}": "resume state",
        f"state/{STATE}": "resume state",
    }
    return {name: ((folder / name).read_bytes(), words.split()) for name, words in given.items()}


WORDS = [b"steps", b"config", b"0.7", b"content", b"out.png", b"velatura", b"F32", b"[2]", b"null"]


@examples
def test_a_command_ends_well_or_in_one_line(folder, commands, examples, capfd):
    there = {path.relative_to(folder) for path in folder.rglob("*")}

    def promise(example):
        name, content = example
        for other, (right, _) in commands.items():
            (folder / other).write_bytes(right)
        (folder / name).write_bytes(content)
        quiet = [] if name == "made.png" else ["--quiet"]
        code = main([*commands[name][1], *quiet])
        out, err = capfd.readouterr()
        if code == 2:
            assert err.startswith("velatura: ")
            assert err.endswith("\n")
            assert err[:-1].isprintable()
            assert out == ""
        else:
            assert code == 0
            assert err == ""
        made = {path.relative_to(folder) for path in folder.rglob("*")} - there
        for path in made:
            assert not path.name.startswith(".")
            with Image.open(path) as picture:  # whole
                picture.load()
            path.unlink()
        if code == 2:
            assert (folder / name).read_bytes() == content

    changed = [
        mutated(right, WORDS).map(lambda content, name=name: (name, content))
        for name, (right, _) in commands.items()
    ]
    for_all(st.one_of(changed), examples, promise)
