"""Ctrl-C at the worst moments, a full disk, pictures too large: what is made is kept."""

import errno
import json
import signal

import pytest
from PIL import Image

from velatura.cli.interruptions import INTERRUPTIONS
from velatura.errors import FileError

STYLIZE = ("stylize", "photo.png", "painting.png", "--size", "32", "--steps", "2", "--quiet")


def ctrl_c(number=signal.SIGINT):
    signal.raise_signal(number)


@pytest.fixture
def installed():
    with INTERRUPTIONS.installed():
        yield


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_the_next_ones_wait(sent):
    done = []
    with INTERRUPTIONS as interruptions:
        try:
            ctrl_c(sent)
        except KeyboardInterrupt:
            ctrl_c(sent)
            done.append("written")
            with INTERRUPTIONS:  # of one picture of many
                ctrl_c(sent)
            ctrl_c(sent)
            done.append("told")
        interruptions.release()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c(sent)
    assert done == ["written", "told"]


@pytest.mark.usefixtures("installed")
def test_what_came_is_not_asked_again_before_the_command_ends():
    def interrupted():
        with INTERRUPTIONS:
            ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    ctrl_c()


def test_signals_are_given_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with INTERRUPTIONS.installed():
        for number in (signal.SIGINT, signal.SIGTERM):
            for _ in range(2):  # where nothing is kept each one interrupts
                with pytest.raises(KeyboardInterrupt):
                    ctrl_c(number)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.usefixtures("installed")
def test_while_held_a_first_signal_is_noted():
    with INTERRUPTIONS as interruptions:
        interruptions.hold()
        ctrl_c()
        assert interruptions.came


@pytest.mark.usefixtures("installed")
def test_holding_does_not_outlast_the_block():
    with INTERRUPTIONS:
        with INTERRUPTIONS as inner:
            inner.hold()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with INTERRUPTIONS.installed():
            ctrl_c(signal.SIGHUP)
            assert not INTERRUPTIONS.came
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def before_each_write(monkeypatch):
    """`before_each_write(do)` calls `do(path)` before any picture is written."""
    from velatura.images import io

    write = io.write

    def patch(do):
        def writing(path, *arguments):
            do(path)
            write(path, *arguments)

        for place in ("velatura.session.session.write", "velatura.images.io.write"):
            monkeypatch.setattr(place, writing)

    return patch


def test_ctrl_c_while_the_picture_is_written_loses_nothing(velatura, before_each_write):
    before_each_write(lambda path: [ctrl_c(), ctrl_c()])
    done = velatura(*STYLIZE, "-o", "out.png", "--log", "log", "--json")
    assert done.returncode == 130
    assert json.loads(done.stdout)["interrupted"]
    with Image.open(velatura.folder / "out.png") as picture:
        assert picture.size == (32, 21)
    assert len((velatura.folder / "log").read_text().splitlines()) == 2


def test_ctrl_c_while_a_larger_picture_is_written_loses_nothing(velatura, before_each_write):
    before_each_write(lambda path: ctrl_c())
    assert velatura("upscale", "photo.png", "-o", "out.png", "--scale", "2").returncode == 130
    with Image.open(velatura.folder / "out.png") as picture:
        assert picture.size == (192, 128)


def test_ctrl_c_twice_while_painting_keeps_the_picture(velatura, monkeypatch):
    from velatura.painting import engine

    transfer = engine.transfer

    def painting(*arguments, **options):
        for step in transfer(*arguments, **options):
            yield step
            try:
                ctrl_c()
            finally:
                ctrl_c()  # amid what the first one does

    monkeypatch.setattr("velatura.session.session.transfer", painting)
    done = velatura(*STYLIZE[:-1], "-o", "out.png")
    assert done.returncode == 130
    assert "out.png: interrupted after step 1 of 2, 32×21" in done.stderr
    assert (velatura.folder / "out.png").is_file()


def test_ctrl_c_while_the_film_is_written_says_what_is_there(velatura, monkeypatch):
    monkeypatch.setattr("velatura.painting.film.write_film", lambda path, film: ctrl_c())
    done = velatura(*STYLIZE, "-o", "out.png", "--film", "film.gif", "--json")
    assert done.returncode == 130
    assert done.stderr == (
        "velatura: interrupted; not all that goes beside the picture was written\n"
    )
    assert not json.loads(done.stdout)["interrupted"]
    assert (velatura.folder / "out.png").is_file()


def test_an_interrupted_folder_says_how_much_is_made(velatura, photograph, monkeypatch):
    (velatura.folder / "photos").mkdir()
    for name in "abc":
        photograph.resize((24, 16)).save(velatura.folder / "photos" / f"{name}.png")
    made = []

    def reading(path):
        if made:
            ctrl_c()
        made.append(path)
        return read(path)

    from velatura.images.io import read

    monkeypatch.setattr("velatura.images.io.read", reading)
    done = velatura("upscale", "photos", "-o", "out", "--scale", "2", "--json", "--quiet")
    assert done.returncode == 130
    assert done.stderr == "velatura: interrupted after 1 of 3 photographs\n"
    assert [one["output"] for one in json.loads(done.stdout)["pictures"]] == ["out/a.png"]


@pytest.mark.parametrize(
    "command",
    [("upscale", "photos", "--scale", "2"), ("stylize", "photos", *STYLIZE[2:-1])],
    ids=lambda command: command[0],
)
def test_ctrl_c_while_a_picture_of_a_folder_is_told_counts_it(
    velatura, photograph, monkeypatch, command
):
    (velatura.folder / "photos").mkdir()
    for name in "ab":
        photograph.resize((24, 16)).save(velatura.folder / "photos" / f"{name}.png")
    monkeypatch.setattr("velatura.cli.progress.Progress.say", lambda *told: ctrl_c())
    done = velatura(*command, "-o", "out", "--json")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "velatura: interrupted after 1 of 2 photographs"
    assert [one["output"] for one in json.loads(done.stdout)["pictures"]] == ["out/a.png"]


def test_ctrl_c_while_the_sheet_is_written_loses_nothing(velatura, before_each_write):
    before_each_write(lambda path: path.name == "sheet.png" and ctrl_c())
    done = velatura("sheet", *STYLIZE[1:], "-o", "sheet.png")
    assert done.returncode == 130
    assert (velatura.folder / "sheet.png").is_file()


def test_a_style_that_fails_costs_the_sheet_one_row(velatura):
    done = velatura("sheet", *STYLIZE[1:3], "none.png", *STYLIZE[3:], "-o", "sheet.png")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "velatura: none.png: expected an image file, found nothing",
        "velatura: 1 of 2 styles failed",
    ]
    assert (velatura.folder / "sheet.png").is_file()


def refuse(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_side_files_and_never_the_picture(velatura, monkeypatch):
    monkeypatch.setattr("velatura.painting.film.write_film", refuse)
    monkeypatch.setattr("safetensors.torch.save_file", refuse)
    done = velatura(
        *(*STYLIZE, "-o", "out.png", "--log", "/dev/full", "--film", "film.gif"),
        *("--strip", "strip.png", "--checkpoint", "state", "--checkpoint-seconds", "0"),
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"velatura: {name}: cannot be written (No space left on device)"
        for name in ("state/state.safetensors", "/dev/full", "film.gif")
    ]
    assert {"out.png", "strip.png"} <= {path.name for path in velatura.folder.iterdir()}
    assert not list((velatura.folder / "state").iterdir())  # the painting is done


def test_a_painting_begins_without_a_checkpoint_that_has_no_room(velatura, monkeypatch):
    monkeypatch.setattr("velatura.session.job.atomic_path", refuse)
    done = velatura(*STYLIZE, "-o", "out.png", "--checkpoint", "state")
    assert done.returncode == 2
    assert done.stderr == (
        "velatura: state/painting.json: cannot be written (No space left on device)\n"
    )
    assert (velatura.folder / "out.png").is_file()


def test_a_full_disk_sends_the_picture_elsewhere(velatura, before_each_write, monkeypatch):
    elsewhere = velatura.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))

    def full(path):
        if elsewhere not in path.parents:
            raise FileError(f"{path}: cannot be written (No space left on device)")

    before_each_write(full)
    done = velatura(*STYLIZE, "-o", "out.jpg", "--json")
    assert done.returncode == 2
    (written,) = elsewhere.glob("*/out.png")
    assert done.stderr == (
        "velatura: out.jpg: cannot be written (No space left on device); "
        f"the picture is in {written}\n"
    )
    assert json.loads(done.stdout)["output"] == str(written)


def test_what_a_format_cannot_hold_is_told_before_the_work(velatura, monkeypatch):
    Image.new("RGB", (4200, 16)).save(velatura.folder / "wide.png")
    monkeypatch.setattr("velatura.superres.network.UpscaleNetwork.upscale", None)
    done = velatura("upscale", "wide.png", "-o", "o.webp", "--scale", "4")
    assert done.returncode == 2
    assert "o.webp: WEBP holds at most 16383 pixels a side, got 16800×64" in done.stderr
    monkeypatch.setattr("velatura.images.io.LARGEST_SIDES", {"WEBP": 300})
    monkeypatch.setattr("velatura.session.session.transfer", None)
    done = velatura("stylize", "photo.png", "painting.png", "-o", "o.webp", "--upscale", "4")
    assert "o.webp: WEBP holds at most 300 pixels a side, got 384×256" in done.stderr
    done = velatura("texture", "painting.png", "--size", "400x32", "-o", "o.webp")
    assert "o.webp: WEBP holds at most 300 pixels a side, got 400×32" in done.stderr


def test_a_size_that_is_known_at_the_end_alone_becomes_a_png(velatura, monkeypatch):
    monkeypatch.setattr("velatura.images.io.LARGEST_SIDES", {"WEBP": 40})
    (velatura.folder / "sheet.png").write_bytes(b"another")
    done = velatura("sheet", *STYLIZE[1:], "-o", "sheet.webp")
    assert done.returncode == 2
    assert "WEBP holds at most 40 pixels a side" in done.stderr
    assert done.stderr.endswith("; the picture is in sheet-2.png\n")
    assert (velatura.folder / "sheet.png").read_bytes() == b"another"
    assert (velatura.folder / "sheet-2.png").is_file()


def test_settings_say_the_memory_that_was_asked_for(velatura):
    done = velatura(*STYLIZE, "-o", "out.png", "--checkpoint", "state")
    assert done.returncode == 0, done.stderr
    assert json.loads(velatura("show-settings", "out.png").stdout)["config"]["memory"] == "auto"
