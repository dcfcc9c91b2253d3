import argparse
import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from velatura.cli.folders import Photograph, output_names, photographs, work_on_all
from velatura.cli.outputs import Outputs
from velatura.errors import ConfigError, ImageError
from velatura.images.io import read, to_pil, write
from velatura.superres.models import UpscaleModel, save
from velatura.superres.network import UpscaleNetwork

FOREIGN = os.fsdecode(b"caf\xe9.jpg")  # Latin-1: no UTF-8


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """Within a folder with a folder `in` in it."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    return Path("in")


@pytest.fixture
def model(files):
    torch.manual_seed(2)
    save(files / "m.safetensors", UpscaleModel(UpscaleNetwork(), {"steps": 0}))
    return ("--model", "m.safetensors", "--scale", "2")


def arguments(*, output="out", recursive=False, quiet=False):
    return argparse.Namespace(
        output=Path(output), recursive=recursive, quiet=quiet, json=True, outputs=Outputs()
    )


def draw(path, color=0, **options):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", (20, 20), (color, 0, 0)).save(path, **options)
    return path


def run(given, *, work=None, **options):
    """What `work_on_all` makes of the places given: a copy with settings, if nothing else."""

    def copy(photograph, output):
        write(output, to_pil(read(photograph).pixels), {"content": photograph.name})
        return {"content": str(photograph), "output": str(output)}, False

    asked = arguments(**options)
    found = photographs([Path(place) for place in given], asked)
    return work_on_all(found, work or copy, asked)


def names(given, **options):
    found = photographs([Path(place) for place in given], arguments(**options))
    return [str(one) for one in found]


def test_what_is_a_picture_is_found_by_its_name_or_its_content(inside, capsys):
    for name in ("a.jfif", "b.jpe", "c.JPG"):
        draw(inside / name, format="JPEG")
    draw(inside / "d.bmp")
    draw(inside / "e.gif")
    draw(inside / "f.HEIC", format="JPEG")
    draw(inside / "g", format="PNG")
    (inside / "h.heic").write_bytes(b"\0\0\0\x18ftypheic")  # whoever reads it says that it fails
    (inside / "._a.jpg").write_bytes(b"\0\x05\x16\x07")
    (inside / "notes.txt").write_text("no picture")
    os.mkfifo(inside / "pipe.jpg")
    found = [Path(name).name for name in names(["in"])]
    assert found == ["a.jfif", "b.jpe", "c.JPG", "d.bmp", "e.gif", "f.HEIC", "g", "h.heic"]
    assert capsys.readouterr().err == "left out, no pictures: in/notes.txt, in/pipe.jpg\n"


def test_patterns_name_pictures_and_plain_names_are_taken_as_they_are(inside):
    draw(inside / "a.jpg")
    (inside / "b.txt").write_text("no picture")
    (inside / "sub").mkdir()
    assert names(["in/*"]) == ["in/a.jpg"]
    assert names(["in/*", "in/b.txt", "./in/a.jpg"]) == ["in/a.jpg", "in/b.txt"]
    with pytest.raises(ImageError, match=r"in/\*.tif: expected photographs, found none"):
        names(["in/*.tif"])


def test_subfolders_keep_their_structure(inside):
    for name in ("a.jpg", "x/a.jpg", "x/y/b.png", ".hidden/c.jpg"):
        draw(inside / name)
    assert names(["in"]) == ["in/a.jpg"]
    assert run(["in"], recursive=True) == 0
    made = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.png"))
    assert made == ["a.png", "x/a.png", "x/y/b.png"]


def test_a_folder_that_cannot_be_listed_is_named(inside, monkeypatch, capsys):
    draw(inside / "a.jpg")
    (inside / "locked").mkdir()
    listed = os.scandir

    def scandir(path):
        if str(path) == "in/locked":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert run(["in"], recursive=True) == 2
    assert "in/locked: " in capsys.readouterr().err
    assert Path("out/a.png").exists()


def paths(*given):
    return [Photograph(Path(path)) for path in given]


def test_a_name_that_is_shared_keeps_its_ending_and_if_need_be_a_number():
    given = paths("x.jpg", "x.png", "y.jpg", "X.png.jpg", "a/z.jpg", "b/z.jpg", "Q.jpg", "q.png")
    found = [str(name) for name in output_names(given)]
    assert found[:4] == ["x.jpg.png", "x.png-2.png", "y.png", "X.png.png"]
    assert found[4:] == ["z.jpg.png", "z.jpg-2.png", "Q.jpg.png", "q.png.png"]


def test_names_are_all_different_whatever_is_given():
    choices = random.Random(0)
    for _ in range(300):
        parts = ["a", "A", "b", ".png", ".jpg", "-2"]
        given = paths(*("a" + "".join(choices.choices(parts, k=3)) for _ in range(12)))
        found = [str(name).casefold() for name in output_names(given)]
        assert len(set(found)) == len(found)


def test_names_of_many_photographs_take_linear_time():
    """Lines of the function that are run, which no other program changes."""

    def lines(given):
        count = 0

        def trace(frame, event, _):
            nonlocal count
            count += event == "line"
            return trace

        sys.settrace(trace)
        try:
            output_names(given)
        finally:
            sys.settrace(None)
        return count

    for form in ("{0}.jpg", "{0}/x.jpg"):  # all different, and all alike
        few, many = ([*paths(*(form.format(i) for i in range(n)))] for n in (50, 500))
        assert lines(many) < 12 * lines(few)


def test_a_second_run_replaces_what_the_first_has_made_and_nothing_else(inside, capsys):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        draw(inside / name, 50)
    draw(Path("out/b.png"), 7)
    assert run(["in"]) == 2
    assert "in/b.jpg: out/b.png: is there already" in capsys.readouterr().err
    draw(inside / "a.jpg", 200)
    assert run(["in"]) == 2
    red = [Image.open(f"out/{name}.png").getpixel((0, 0))[0] for name in "abc"]
    assert red == [pytest.approx(200, abs=2), 7, pytest.approx(50, abs=2)]


def test_a_link_in_the_output_is_nothing_of_velaturas(inside):
    draw(inside / "a.jpg")
    Path("out").mkdir()
    Path("out/a.png").symlink_to("../elsewhere.png")
    assert run(["in"]) == 2
    assert not Path("elsewhere.png").exists()


def test_pictures_may_go_beside_their_photographs_again_and_again(inside, capsys):
    draw(inside / "a.jpg", 50)
    draw(inside / "b.png", 60)
    before = (inside / "b.png").read_bytes()
    for _ in range(2):
        assert run(["in"], output="in") == 2
        assert "in/b.png: would be overwritten, it is an input" in capsys.readouterr().err
    assert sorted(path.name for path in inside.iterdir()) == ["a.jpg", "a.png", "b.png"]
    assert (inside / "b.png").read_bytes() == before
    assert run(["."], output="out", recursive=True) == 0  # what is not in the output is an input
    assert Path("out/in/a.png.png").exists()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "in/b.jpg: out of memory; something smaller needs less"),
        (torch.OutOfMemoryError("CUDA out of memory"), "in/b.jpg: out of memory (CUDA"),
        (ConfigError("memory: too little"), "in/b.jpg: memory: too little"),
        (ImageError("expected 16 pixels"), "in/b.jpg: expected 16 pixels"),
        (ImageError("in/b.jpg: broken"), "in/b.jpg: broken"),
        (OSError(errno.EIO, "Input/output error"), "in/b.jpg: Input/output error"),
        (ZeroDivisionError("division by zero"), "in/b.jpg: ZeroDivisionError: division by zero"),
    ],
    ids=str,
)
def test_any_error_is_told_with_the_name_and_the_rest_is_done(inside, capsys, error, told):
    for name in "abc":
        draw(inside / f"{name}.jpg")

    def work(photograph, output):
        if photograph.stem == "b":
            raise error
        return {"content": str(photograph)}, False

    assert run(["in"], work=work) == 2
    out, err = capsys.readouterr()
    assert err.splitlines()[0].startswith(f"velatura: {told}")
    assert err.splitlines()[1] == "velatura: 1 of 3 photographs failed"
    report = json.loads(out)
    assert [entry["content"] for entry in report["pictures"]] == ["in/a.jpg", "in/c.jpg"]
    assert report["failed"] == 1
    assert report["failures"][0]["path"] == "in/b.jpg"
    assert told.startswith(f"in/b.jpg: {report['failures'][0]['why'][:12]}")


def test_interrupted_it_says_how_many_are_done(inside, capsys):
    for name in "abc":
        draw(inside / f"{name}.jpg")

    def work(photograph, output):
        if photograph.stem == "b":
            raise KeyboardInterrupt
        return {}, False

    assert run(["in"], work=work) == 130
    assert "interrupted after 1 of 3 photographs" in capsys.readouterr().err


def test_upscale_goes_through_odd_folders(velatura, model, capsys):
    folder = velatura.folder / "in"
    draw(folder / FOREIGN)
    draw(folder / "x.jpg")
    draw(folder / "x.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    for _ in range(2):
        done = velatura("upscale", "in", "-o", "out", *model, "--json", "--quiet")
        assert done.returncode == 2
        assert done.stderr.startswith("velatura: in/broken.jpg: expected an image")
        assert len(json.loads(done.stdout)["pictures"]) == 3
    made = sorted(path.name for path in (velatura.folder / "out").iterdir())
    assert made == sorted([f"{FOREIGN[:-4]}.png", "x.jpg.png", "x.png.png"])


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_what_does_not_fit_into_memory_is_named_and_the_rest_is_done(velatura, model):
    folder = velatura.folder / "in"
    draw(folder / "b.png")
    Image.new("RGB", (5000, 5000)).save(folder / "a.png")
    code = (
        "import resource, sys, torch; torch.set_num_threads(1);"
        "from velatura.cli.main import main; import velatura.superres.upscaler;"
        "used = int(open('/proc/self/statm').read().split()[0]) * 4096;"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 250_000_000,) * 2);"
        f"sys.exit(main(['upscale', 'in', '-o', 'out', *{model!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=velatura.folder, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "velatura: in/a.png: " in done.stderr
    assert "memory" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert (velatura.folder / "out" / "b.png").exists()
