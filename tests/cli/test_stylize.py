import json
import signal
import time

import numpy as np
import pytest
from PIL import Image

STYLIZE = ("stylize", "photo.png", "painting.png", "-o", "out.png")
SHORT = ("--steps", "2,2")


def test_it_paints_and_reports_as_json(velatura):
    done = velatura(*STYLIZE, *SHORT, "--json", "--seed", "7")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["width"], report["height"], report["steps"]) == (96, 64, 4)
    assert report["output"] == "out.png"
    assert report["settings"]["seed"] == 7
    assert report["loss"] == pytest.approx(sum(report["losses"].values()))
    assert "content relu4_2" in report["losses"]
    with Image.open(velatura.folder / "out.png") as picture:
        assert picture.size == (96, 64)


def test_settings_can_be_read_back_and_make_the_same_picture(velatura):
    velatura(*STYLIZE, *SHORT, "--content-weight", "2.5", "--quiet")
    shown = velatura("show-settings", "out.png")
    settings = json.loads(shown.stdout)
    assert settings["content"] == "photo.png"
    assert settings["styles"] == ["painting.png"]
    assert settings["config"]["content_weight"] == 2.5

    from velatura import StyleConfig, stylize

    config = StyleConfig.from_dict(settings["config"])
    again = stylize(velatura.folder / "photo.png", velatura.folder / "painting.png", config)
    with Image.open(velatura.folder / "out.png") as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(again))


def test_progress_goes_to_stderr_and_quiet_is_quiet(velatura):
    loud = velatura(*STYLIZE, *SHORT)
    assert loud.stdout == ""
    assert "step 4/4 content" in loud.stderr
    assert "out.png: 96×64" in loud.stderr
    quiet = velatura(*STYLIZE, *SHORT, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interruption_keeps_what_is_painted(velatura, sent):
    process = velatura.start(*STYLIZE, "--steps", "100000", "--json")
    while "step" not in process.stderr.readline():  # the first line of progress
        pass
    for _ in range(2):  # an impatient hand, or a shell that sends it once more
        process.send_signal(sent)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted after step" in err
    report = json.loads(out)
    assert report["interrupted"]
    assert report["steps"] >= 1
    with Image.open(velatura.folder / "out.png") as picture:
        assert picture.size == (96, 64)  # also when it stopped at a coarse scale
    assert {path.name for path in velatura.folder.iterdir()} == {
        "photo.png",
        "painting.png",
        "out.png",
    }


def test_max_seconds_ends_it(velatura):
    done = velatura(*STYLIZE, "--steps", "100000", "--max-seconds", "1", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["steps"] < 100000


def test_alpha_is_carried_over(velatura):
    with Image.open(velatura.folder / "photo.png") as photo:
        photo.putalpha(128)
        photo.save(velatura.folder / "photo.png")
    velatura(*STYLIZE, *SHORT)
    with Image.open(velatura.folder / "out.png") as picture:
        assert picture.mode == "RGBA"
        assert picture.getpixel((3, 3))[3] == 128


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.jpg", b"not an image", "expected an image"),
        ("empty.jpg", b"", "got 0 bytes"),
        ("missing.jpg", None, "found nothing"),
        (".", None, "a folder"),
    ],
)
@pytest.mark.parametrize("place", ["content", "style"])
def test_bad_files_are_one_line_and_exit_code_2(velatura, name, content, message, place):
    if content is not None:
        (velatura.folder / name).write_bytes(content)
    files = (name, "painting.png") if place == "content" else ("photo.png", name)
    done = velatura("stylize", *files, "-o", "out.png")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (velatura.folder / "out.png").exists()


@pytest.mark.parametrize("size", [(1, 1), (3, 4000)])
def test_pictures_too_small_or_narrow_are_refused(velatura, size):
    Image.new("RGB", size).save(velatura.folder / "photo.png")
    done = velatura(*STYLIZE)
    assert done.returncode == 2
    assert "at least 16 pixels a side" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--style-layers", "relu9_9=1"), "relu9_9"),
        (("--content-layers", "relu4_2=x"), "expected"),
        (("--content-weight", "nan"), "expected a number of at most"),
        (("--style-weight", "-1"), "expected a number of at least 0"),
        (("--steps", "0"), "expected a number of at least 1"),
        (("--steps", "many"), "got 'many'"),
        (("--size", "4"), "at least 16"),
        (("--size", "2.5"), "expected a whole number"),
        (("--blend", "1,2"), "expected 1 weights for 1 styles"),
        (("--pooling", "min"), "invalid choice: 'min'"),
        (("--device", "abacus"), "device"),
        (("--weights", "none.pth"), "found nothing; use embedded"),
        (("--init", "none.png"), "found nothing"),
        (("--max-seconds", "-3"), "above 0"),
        (("--wobble",), "unrecognized arguments"),
        (("-o", "out.xyz"), "expected a name ending in"),
        (("--content-weight", "1e38"), "at most 1e+15"),
        (("--seed", "99999999999999999999"), "seed"),
        (("--device", "meta"), "expected cpu, cuda or mps"),
        (("--content-weight", "0", "--style-weight", "0"), "weighs above 0"),
        (("-o", "photo.png"), "would be overwritten"),
        (("-o", "painting.png"), "would be overwritten"),
        (("-o", "none/out.png"), "does not exist"),
        (("-o", "."), "expected a name ending in"),
        (("--strength", "1.5"), "expected a number from 0 to 1"),
        (("--strength", "strong"), "got 'strong'"),
        (("--stroke-size", "0"), "expected a number above 0"),
        (("--colors", "sepia"), "invalid choice: 'sepia'"),
        (("--palette", "rainbow"), "invalid choice: 'rainbow'"),
        (("--mask", "none.png"), "none.png: expected an image file, found nothing"),
        (("--mask", "photo.png,photo.png"), "mask: expected 1 images for 1 styles, got 2"),
        (("--mask", "painting.png"), "expected a mask in the shape of its image, 96×64, got 80×80"),
        (("--style-mask", "none.png"), "none.png: expected an image file, found nothing"),
        (("--style-mask", "photo.png"), "expected a mask in the shape of its image"),
        (("--style-mask", "a.png,b.png"), "style-mask: expected 1 images for 1 styles, got 2"),
        (("--blend-layers", "relu9_9=1"), "relu9_9"),
        (("--blend-layers", "relu1_1=1:0"), "expected 1 weights for 1 styles"),
        (("--blend-layers", "relu1_1=one"), "expected"),
        (("--blend-layers", "relu1_1"), "expected"),
    ],
    ids=" ".join,
)
def test_bad_options_are_one_line_and_exit_code_2(velatura, options, message):
    done = velatura(*STYLIZE, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_two_blend_weights_for_three_styles_are_refused(velatura):
    done = velatura(
        "stylize", "photo.png", *["painting.png"] * 3, "-o", "out.png", "--blend", "1,2"
    )
    assert done.returncode == 2
    assert "expected 3 weights for 3 styles" in done.stderr


def test_a_diverging_painting_keeps_what_there_was(velatura):
    done = velatura(*STYLIZE, *SHORT, "--optimizer", "adam", "--learning-rate", "1e15")
    assert done.returncode == 2
    assert "the painting diverged at step" in done.stderr
    assert (velatura.folder / "out.png").is_file()


def test_a_reader_that_leaves_does_not_stop_the_painting(velatura):
    with velatura.start(*STYLIZE, *SHORT) as process:
        process.stderr.close()
        assert process.wait(timeout=60) == 0
    assert (velatura.folder / "out.png").is_file()


def test_a_folder_of_photographs_is_painted_into_a_folder(velatura, photograph):
    (velatura.folder / "in").mkdir()
    for name in ("a.png", "b.jpg"):
        photograph.save(velatura.folder / "in" / name)
    (velatura.folder / "in" / "broken.png").write_bytes(b"no picture")
    (velatura.folder / "in" / "notes.txt").write_text("not looked at")
    done = velatura("stylize", "in", "painting.png", "-o", "out", *SHORT, "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert [report["content"] for report in found["pictures"]] == ["in/a.png", "in/b.jpg"]
    assert "1 of 3 photographs failed" in done.stderr
    assert "broken.png" in done.stderr
    assert sorted(path.name for path in (velatura.folder / "out").iterdir()) == ["a.png", "b.png"]


def test_a_pattern_names_photographs(velatura):
    done = velatura("stylize", "phot*.png", "painting.png", "-o", "out", *SHORT)
    assert done.returncode == 0, done.stderr
    assert (velatura.folder / "out" / "photo.png").is_file()


def test_folders_that_cannot_be_painted_are_one_line(velatura):
    (velatura.folder / "empty").mkdir()
    for arguments, told in (
        (("empty",), "expected photographs, found none"),
        (("*.tiff",), "expected photographs, found none"),
        ((".", "--film", "f.gif"), "film: expected one photograph"),
    ):
        done = velatura("stylize", arguments[0], "painting.png", "-o", "out", *arguments[1:])
        assert done.returncode == 2, arguments
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
