import io
import json

import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file

from velatura.cli.progress import Progress

STEERING = "\x1b]0;owned\x07\x9b31m\u202e"


def safe(text):
    return text.replace("\n", "").isprintable()


def test_a_models_card_does_not_steer_the_terminal(velatura):
    card = json.dumps({"architecture": STEERING})
    save_file({"a": torch.zeros(1)}, "m.safetensors", metadata={"velatura": card})
    done = velatura("fast", "apply", "photo.png", "--style", "m.safetensors", "-o", "o.png")
    assert done.returncode == 2
    assert "got \\x1b]0;owned" in done.stderr
    assert safe(done.stderr)
    assert done.stderr.count("\n") == 1


def test_names_of_files_do_not_steer_the_terminal(velatura):
    for name in ("a", "b"):
        Image.radial_gradient("L").save(f"{name}{STEERING}.png")
    done = velatura("duplicates", ".", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "b\\x1b]0;owned" in done.stdout
    assert safe(done.stdout)
    assert safe(done.stderr)


def test_wrong_arguments_do_not_steer_the_terminal(velatura):
    done = velatura("doctor", f"--{STEERING}")
    assert done.returncode == 2
    assert safe(done.stderr)


def test_brackets_in_names_are_no_markup(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Progress(title=f"[/red] [bold]{STEERING}.png") as progress:
        progress.at(1, 2, 1.0, "[/blue]")
        progress.bar.refresh()
    assert "[/red] [bold]\\x1b]0;owned" in terminal.getvalue()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, '{"a": NaN}', '{"a": 1e999}'])
def test_crafted_settings_are_refused_in_a_line(velatura, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("velatura", text)
    Image.new("L", (8, 8)).save("crafted.png", pnginfo=info)
    done = velatura("show-settings", "crafted.png")
    assert done.returncode == 2
    assert done.stderr.startswith("velatura: crafted.png: holds no settings of Velatura (expected")
    assert done.stderr.count("\n") == 1
