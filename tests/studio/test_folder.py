import os

import numpy as np
import pytest
from PIL import Image

from velatura.errors import ImageError
from velatura.studio.folder import KEPT, Folder
from velatura.studio.pictures import thumbnails


@pytest.fixture
def sent(folder, photograph):
    """An upload of the photograph."""

    def send(name):
        path = folder.uploads / "a1b2" / name
        path.parent.mkdir(exist_ok=True)
        photograph.save(path, "PNG")
        return path

    return send


def test_samples_are_at_hand(folder):
    assert [path.name for path in folder.at_hand("photographs")] == ["photograph.jpg"]
    assert {path.name for path in folder.at_hand("paintings")} == {"brush.jpg", "collage.jpg"}


def test_names_are_kept_plain_and_end_as_the_format_says(folder, sent):
    assert folder.keep(sent("my photo: 1.html"), "photographs").name == "my_photo_1.png"
    assert folder.keep(sent("..png"), "photographs").name == "picture.png"


def test_the_same_picture_is_kept_once_and_another_beside_it(folder, sent, painting):
    first = folder.keep(sent("a.png"), "photographs")
    assert folder.keep(sent("a.png"), "photographs") == first
    other = folder.uploads / "a.png"
    painting.save(other)
    assert folder.keep(other, "photographs").name == "a-2.png"


def test_the_oldest_go_and_samples_stay(folder, sent):
    for number in range(KEPT + 3):
        path = folder.keep(sent(f"{number}.png"), "photographs")
        os.utime(path, (number, number))
    names = {path.name for path in folder.at_hand("photographs")}
    assert len(names) == KEPT + 1
    assert "photograph.jpg" in names
    assert not names & {"0.png", "1.png"}


def test_what_a_waiting_job_may_need_stays(folder, sent):
    for number in range(KEPT + 3):
        folder.keep(sent(f"{number}.png"), "photographs")
    assert {f"{number}.png" for number in range(KEPT + 3)} <= {
        path.name for path in folder.at_hand("photographs")
    }


def test_scratch_of_yesterday_is_deleted(folder):
    old, new = folder.scratch(), folder.scratch()
    (old / "x.png").write_bytes(b"x")
    os.utime(old, (0, 0))
    assert folder.scratch().is_dir()
    assert new.is_dir()
    assert not old.exists()


@pytest.mark.parametrize("name", ["../outside.png", "/etc/passwd", "", ".", "missing.png"])
def test_names_that_lead_elsewhere_are_not_found(folder, tmp_path, photograph, name):
    photograph.save(tmp_path / "outside.png")
    assert folder.find(name, "pictures") is None


@pytest.mark.parametrize("file", [None, {}, "photo.png", {"path": ""}, {"path": "/etc/passwd"}])
def test_files_of_elsewhere_are_not_accepted(folder, file):
    with pytest.raises(ImageError, match="expected a picture that was uploaded here"):
        folder.accept(file)


def test_a_link_to_elsewhere_is_not_accepted(folder, tmp_path, photograph):
    photograph.save(tmp_path / "outside.png")
    (folder.uploads / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(ImageError, match="expected a picture that was uploaded here"):
        folder.accept({"path": str(folder.uploads / "link.png")})


def test_pictures_begun_have_names_of_their_own(folder, sent):
    paths = sent("a.png"), [sent("b.png")]
    first, second = folder.begin(*paths), folder.begin(*paths)
    assert [entry.picture.name for entry in (first, second)] == ["a-b.png", "a-b-2.png"]


def test_what_was_begun_and_not_ended_is_named_once(folder, sent):
    folder.begin(sent("a.png"), [sent("b.png")])
    folder.close()
    (lost,) = Folder(folder.path).lost
    assert lost.startswith("a-b (a.png × b.png, begun 20")
    assert Folder(folder.path).lost == []


def test_messages_name_files_and_not_folders(folder):
    text = f"{folder.uploads / 'a1b2' / 'x.png'}: cannot be read"
    assert folder.without_paths(text) == "x.png: cannot be read"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", ".", "..", "/etc/passwd", "\ud800"])
def test_names_that_are_none_are_not_found(folder, name):
    assert folder.find(name, "pictures") is None


@pytest.mark.parametrize("damage", ["cut", "numbers", "exif"])
def test_what_cannot_be_read_is_not_kept(folder, photograph, damage):
    path = folder.uploads / "bad.tif"
    if damage == "cut":
        photograph.save(path, "PNG")
        path.write_bytes(path.read_bytes()[:-300])
    elif damage == "numbers":
        Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(path, "TIFF")
    else:
        path.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    before = folder.at_hand("photographs")
    for way in (folder.keep, lambda path, shelf: folder.take({"path": str(path)}, shelf)):
        with pytest.raises(ImageError):
            way(path, "photographs")
    assert folder.at_hand("photographs") == before


def test_what_has_no_thumbnail_is_left_out_and_the_rest_is_shown(folder, photograph, sent):
    shelf = folder.shelf("photographs")
    (shelf / "desktop.ini").write_text("[.ShellClassInfo]")
    (shelf / "empty.png").touch()
    (shelf / "sub").mkdir()
    photograph.save(folder.pictures / "cut.png")
    (folder.pictures / "cut.png").write_bytes((folder.pictures / "cut.png").read_bytes()[:-300])
    photograph.save(folder.pictures / "good.png")
    shown = [name for _, name in thumbnails(folder.at_hand("photographs"))]
    assert shown == ["photograph.jpg"]
    assert [name for _, name in thumbnails(folder.finished())] == ["good.png"]
    for number in range(KEPT + 1):  # clearing the shelf meets the folder in it
        folder.keep(sent(f"{number}.png"), "photographs")
    assert thumbnails([shelf / "gone.png"]) == []


def test_links_and_names_that_no_page_can_show_are_left_out(folder, tmp_path, photograph):
    photograph.save(tmp_path / "outside.png")
    (folder.pictures / "link.png").symlink_to(tmp_path / "outside.png")
    photograph.save(folder.pictures / os.fsdecode(b"caf\xe9.png"))
    assert folder.finished() == []
    assert folder.find("link.png", "pictures") is None
    with pytest.raises(ImageError, match="found nothing"):
        folder.settings("link.png")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_names_that_no_file_can_have_are_not_found(folder, name):
    assert folder.find(name, "pictures") is None
    with pytest.raises(ImageError, match="expected a picture that was uploaded here"):
        folder.accept({"path": name})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/usr/lib/python3/velatura/x.png: damaged", "x.png: damaged"),
        ("cannot be read ('/tmp/a/c.png')", "cannot be read ('c.png')"),
        (r"C:\Users\me\x.png: damaged", "x.png: damaged"),
        ("1/2 of 3 and/or 4, https://example.org/x", "1/2 of 3 and/or 4, https://example.org/x"),
    ],
)
def test_messages_name_no_folders_of_this_machine(folder, text, shown):
    assert folder.without_paths(text) == shown
