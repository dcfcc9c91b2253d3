import json

import pytest
import torch
from PIL import Image

from velatura.anatomy import suitability
from velatura.cli.style_report import judge


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(suitability, "STEPS", (2,))
    monkeypatch.setattr(suitability, "SIZE", 64)


def test_it_measures_and_judges(velatura):
    done = velatura("style-report", "painting.png", "photo.png", "--json", "-o", "seen")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == ["painting.png", "photo.png"]
    for entry in report.values():
        assert entry["unevenness"] >= 0
        assert entry["scale"] in entry["structure"]
        assert entry["verdict"]
    with Image.open(velatura.folder / "seen" / "painting.png") as sheet:
        assert sheet.width > 3 * 60


def test_interrupted_it_tells_of_those_that_are_done(velatura, monkeypatch):
    whole, measured = suitability.measure, []

    def stopped(*arguments):
        if measured:
            raise KeyboardInterrupt
        measured.append(whole(*arguments))
        return measured[0]

    monkeypatch.setattr(suitability, "measure", stopped)
    done = velatura("style-report", "painting.png", "photo.png", "--json")
    assert done.returncode == 130
    assert "interrupted after 1 of 2 paintings" in done.stderr
    assert list(json.loads(done.stdout)) == ["painting.png"]


def test_it_says_so_in_words(velatura):
    done = velatura("style-report", "painting.png", "--quiet")
    assert done.stdout.startswith("painting.png\n  variety")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("figures", "told", "options"),
    [
        ({}, "nothing that was measured", ""),
        ({"structure": {"relu1_1": 0.1}}, "little texture", ""),
        ({"variety": 60.0}, "nothing that was measured", ""),
        ({"chroma": 0.0}, "grey", "--colors content-luminance"),
        ({"lightness": 0.25}, "strong light and dark", "--strength 0.65"),
    ],
)
def test_the_verdict_follows_the_measures(figures, told, options):
    usual = {
        "variety": 45.0,
        "unevenness": 0.1,
        "structure": {"relu1_1": 0.1, "relu4_1": 0.5},
        "kept": 0.8,
        "chroma": 0.06,
        "lightness": 0.15,
    }
    empty = torch.empty(0)
    found = suitability.Suitability(**(usual | figures), texture=empty, surrogate=empty)
    verdict, suggestion = judge(found)
    assert told in verdict
    assert options in suggestion
    assert bool(suggestion) == bool(options)


def test_bad_input_is_one_line(velatura):
    Image.new("RGB", (20, 20)).save(velatura.folder / "tiny.png")
    for arguments, told in (
        (("nothing.png",), "found nothing"),
        (("tiny.png",), "at least 64 pixels a side"),
        (("painting.png", "-o", "photo.png"), "expected a folder"),
    ):
        done = velatura("style-report", "--quiet", *arguments)
        assert done.returncode == 2
        assert told in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_good_are_told_of_beside_the_broken(velatura):
    Image.new("RGB", (900, 20)).save(velatura.folder / "narrow.png")
    (velatura.folder / "broken.png").write_bytes(b"no picture")
    given = ("broken.png", "painting.png", "narrow.png")
    done = velatura("style-report", *given, "--json", "--quiet")
    assert done.returncode == 2
    assert "velatura: broken.png: expected an image" in done.stderr
    assert "velatura: narrow.png: expected a painting of at least 64 pixels" in done.stderr
    report = json.loads(done.stdout)
    assert report["painting.png"]["verdict"]
    assert report["broken.png"]["error"].startswith("expected an image")
    assert velatura("style-report", *given, "--quiet").stdout.startswith("painting.png\n")


def test_its_pictures_are_replaced_and_no_others(velatura, painting, monkeypatch):
    found = suitability.measure  # once
    kept = []

    def measure(*given):
        kept[:] = kept or [found(*given)]
        return kept[0]

    monkeypatch.setattr(suitability, "measure", measure)
    folder = velatura.folder / "in"
    folder.mkdir()
    for name in ("x.jpg", "x.png", "y.jpg"):
        painting.save(folder / name)
    before = (folder / "x.png").read_bytes()
    given = ("style-report", "in/x.jpg", "in/x.png", "in/y.jpg", "-o", "in", "--quiet")
    for _ in range(2):
        assert velatura(*given).returncode == 0
    made = sorted(path.name for path in folder.iterdir())
    assert made == ["x.jpg", "x.jpg.png", "x.png", "x.png.png", "y.jpg", "y.png"]
    assert (folder / "x.png").read_bytes() == before
    done = velatura("style-report", "in/x.png", "-o", "in", "--quiet")
    assert done.returncode == 2
    assert "it is an input" in done.stderr
    assert (folder / "x.png").read_bytes() == before
