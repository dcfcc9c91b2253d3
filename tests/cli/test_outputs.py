"""What commands read and write: declared, kept apart, told when it fails, through pipes too."""

import argparse
import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from velatura.cli.main import COMMANDS, build_parser, main
from velatura.options import Options, parsers

# Arguments of text or numbers that name no file, with what else they are.
NO_PATHS = {
    *("layer", "layers", "recipe", "sweep", "device", "host", "licence", "name"),
    *("allow_origin", "keep", "canvas", "threshold", "checkpoint_seconds", "port", "size"),
    *("count", "at_once", "memory", "workers", "cluster", "limit"),
}
NOTHING_TO_CHECK = (argparse._HelpAction, argparse._VersionAction, argparse._StoreTrueAction)


def parsers_of(parser, name=""):
    """All parsers that take arguments of their own, by the words that lead to them."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, below in group.choices.items():
            yield from parsers_of(below, f"{name} {word}".strip())


PARSERS = dict(parsers_of(build_parser()))


def test_every_command_is_looked_at():
    assert {name.split()[0] for name in PARSERS} == {name.split()[0] for name in COMMANDS}
    assert {"fast train", "fast apply", "upscale train", "upscale apply"} <= {*PARSERS}


@pytest.mark.parametrize("name", PARSERS)
def test_every_path_is_declared_as_read_or_written(name):
    """An argument of a new name is either declared, or said here to name no file."""
    parser = PARSERS[name]
    reads, writes = parser.get_default("reads") or {}, parser.get_default("writes") or {}
    assert not {*reads} & {*writes}
    for action in parser._actions:
        if isinstance(action, NOTHING_TO_CHECK) or action.choices is not None:
            continue
        declared = action.dest in reads or action.dest in writes
        numbers = action.dest in {n for cls in all_options() for n in no_text(cls)}
        assert declared or action.dest in NO_PATHS or numbers, f"{name}: {action.dest}"
        assert declared or action.type is not Path, f"{name}: {action.dest}"


def all_options():
    found = [Options]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found[1:]


def no_text(cls):
    """The options of a class that are numbers, or layers with numbers."""
    return {name for name, parse in parsers(cls).items() if parse is not str} - {
        "mask",
        "style_mask",
    }


@pytest.fixture
def inputs(velatura):
    """More of what commands read, none of it looked into before it is claimed."""
    (velatura.folder / "photos").mkdir()
    (velatura.folder / "photos" / "x.png").write_bytes(b"precious")
    (velatura.folder / "m.safetensors").write_bytes(b"precious")
    (velatura.folder / "m.onnx").write_bytes(b"precious")
    (velatura.folder / "link.png").symlink_to("painting.png")
    (velatura.folder / "hard.png").hardlink_to(velatura.folder / "photo.png")
    return velatura.folder


@pytest.mark.parametrize(
    "command",
    [
        "stylize photo.png painting.png -o photo.png",
        "stylize photo.png painting.png -o link.png",
        "stylize photo.png painting.png -o hard.png",
        "stylize photo.png painting.png -o o.png --strip photo.png",
        "stylize photo.png painting.png -o o.png --log photo.png",
        "stylize photo.png painting.png -o o.webp --film o.webp",
        "stylize photo.png painting.png -o o.png --strip ./o.png",
        "stylize photo.png painting.png -o o.png --log l --plot l",
        "stylize photo.png painting.png -o o.png --checkpoint o.png",
        "stylize photo.png painting.png -o link.png --init painting.png",
        "stylize photo.png link.png -o o.png --mask hard.png --strip hard.png",
        "stylize photo.png link.png -o o.png --style-mask m.png --plot m.png",
        "stylize photo.png painting.png -o o.png --weights m.safetensors --log m.safetensors",
        "texture painting.png -o painting.png",
        "reconstruct photo.png -o photo.png",
        "sheet photo.png painting.png -o painting.png",
        "style-report photos/x.png -o photos",
        "demo -o demo.png",
        "fast train painting.png --photos photos -o s.safetensors --sheet painting.png",
        "fast train painting.png --photos photos -o s.safetensors --log photos/x.png",
        "fast train painting.png --photos photos -o s.safetensors --sheet photos/x.png",
        "fast train painting.png --photos photos -o m.safetensors --start-from m.safetensors",
        "fast apply photo.png --style m.safetensors -o photo.png",
        "fast apply hard.png --style starry_night -o photo.png",
        "fast export m.onnx -o m.onnx",
        "upscale photo.png -o photo.png",
        "upscale photo.png -o hard.png --scale 2",
        "upscale train --photos photos -o m.safetensors --start-from m.safetensors",
        "upscale train --photos photos -o s.safetensors --log photos/x.png",
        "upscale export m.onnx -o m.onnx",
        "anatomy photo.png -o . --style relu1_1-gram.png --size 48 --layers relu1_1",
        "duplicates photos --report photos/x.png",
        "duplicates photos photo.png --index hard.png",
        "duplicates photos --report r --index r",
    ],
)
def test_no_output_is_an_input_or_another_output(velatura, inputs, command):
    if command.startswith("demo"):
        (inputs / "demo-sheet.png").symlink_to("demo.png")
    if "anatomy" in command:
        Image.new("RGB", (64, 64)).save(inputs / "relu1_1-gram.png")
    before = {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()}
    done = velatura(*command.split())
    assert done.returncode == 2
    assert "would be overwritten, it is an input" in done.stderr or "same file as" in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()} == before


def test_resume_asks_anew_what_would_be_overwritten(velatura):
    """The names in a checkpoint are not those of the command line."""
    from velatura.painting.config import StyleConfig
    from velatura.session.job import Job

    folder, photo = velatura.folder, velatura.folder / "photo.png"
    Job(photo, [folder / "painting.png"], StyleConfig(), photo).save(folder / "state")
    done = velatura("resume", "state")
    assert done.returncode == 2
    assert "would be overwritten, it is an input" in done.stderr


def test_in_a_folder_what_would_be_overwritten_is_named_and_the_rest_made(velatura, photos_made):
    done = velatura("upscale", "photos", "-o", "photos", "--scale", "2", "--json")
    assert done.returncode == 2
    assert done.stderr.count("photos/b.png: would be overwritten, it is an input") == 1
    report = json.loads(done.stdout)
    assert report["failed"] == 1
    assert [made["output"] for made in report["pictures"]] == ["photos/a.png"]


@pytest.fixture
def photos_made(velatura, photograph):
    folder = velatura.folder / "photos"
    folder.mkdir()
    photograph.resize((32, 24)).save(folder / "a.jpg")
    photograph.resize((32, 24)).save(folder / "b.png")
    return folder


def test_a_picture_goes_through_links_and_keeps_the_rights_of_the_file(velatura):
    target, link = velatura.folder / "target.png", velatura.folder / "link.png"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link.symlink_to(target)
    assert velatura("upscale", "photo.png", "-o", "link.png", "--scale", "2").returncode == 0
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    with Image.open(target) as picture:
        assert picture.size == (192, 128)
    target.chmod(0o444)
    done = velatura("upscale", "photo.png", "-o", "link.png", "--scale", "3")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "link.png: cannot be written, the file is read-only" in done.stderr
    with Image.open(target) as picture:
        assert picture.size == (192, 128)


def through(monkeypatch, capsysbinary, given, *arguments):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
    code = main(arguments)
    return code, *capsysbinary.readouterr()


def test_a_picture_goes_through_pipes(files, monkeypatch, capsysbinary):
    given = (files / "photo.png").read_bytes()
    arguments = ("upscale", "-", "-o", "-", "--scale", "2")
    code, out, err = through(monkeypatch, capsysbinary, given, *arguments)
    assert code == 0, err
    assert err.decode().splitlines()[-1].startswith("-: 192×128")
    with Image.open(io.BytesIO(out)) as picture:
        assert (picture.format, picture.size) == ("PNG", (192, 128))
    code, out, err = through(monkeypatch, capsysbinary, out, "show-settings", "-")
    assert json.loads(out)["scale"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("stylize - - -o o.png", "one input from the standard input, got 2"),
        ("stylize - painting.png -o o.png --checkpoint c", "checkpoint: expected files"),
        ("stylize photo.png painting.png -o - --checkpoint c", "checkpoint: expected files"),
        ("stylize photo.png painting.png -o - --json", "the standard output has it"),
        ("stylize photo.png painting.png -o - --strip -", "strip: expected a name, got -"),
        ("anatomy photo.png -o -", "output: expected a name, got -"),
        ("style-report -", "got 0 bytes"),
        ("upscale photo.png painting.png -o -", "-: expected a folder to write to"),
    ],
)
def test_what_cannot_go_through_pipes_is_one_line(
    files, monkeypatch, capsysbinary, arguments, told
):
    monkeypatch.chdir(files)
    code, out, err = through(monkeypatch, capsysbinary, b"", *arguments.split())
    assert (code, out) == (2, b"")
    assert told in err.decode()
    assert err.count(b"\n") == 1


def test_a_closed_standard_output_is_told(velatura, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    assert main(["upscale", "photo.png", "-o", "-"]) == 2
    assert "expected a standard output, it is closed" in velatura.capsys.readouterr().err


def test_what_is_wrong_with_the_standard_input_is_told_by_its_name(velatura, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    done = velatura("upscale", "-", "-o", "out.png")
    assert done.returncode == 2
    assert done.stderr.startswith("velatura: -: expected an image file, got 0 bytes")


def test_a_sheet_names_its_pictures_and_no_temporary_files(velatura):
    done = velatura(
        *("sheet", "photo.png", "painting.png", "-o", "sheet.png", "--size", "32"),
        *("--steps", "1", "--sweep", "strength=0.2,0.8"),
    )
    assert done.returncode == 0, done.stderr
    assert "painting strength 0.8: 32×21" in done.stderr
    assert ".png: 32×21" not in done.stderr


def test_nothing_is_waited_for_at_a_terminal(velatura, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    done = velatura("show-settings", "-")
    assert done.returncode == 2
    assert "expected a file on the standard input, got none" in done.stderr
