import os
import socket
import sys
from pathlib import Path

import pytest

from velatura.duplicates import folders
from velatura.errors import ImageError
from velatura.files import atomic_path


def names(files):
    return [Path(file.path).name for file in files]


def test_pictures_are_found_in_folders_below_by_their_endings(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/one.JPG", "a/b/two.png", "a/notes.txt", "three.webp"):
        (tmp_path / name).write_bytes(b"x")
    files, broken = folders.pictures([tmp_path])
    assert names(files) == ["two.png", "one.JPG", "three.webp"]
    assert not broken
    assert files[0].size == 1


def test_places_within_each_other_and_links_count_once(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "one.png").write_bytes(b"x")
    (inner / "circle").symlink_to(tmp_path, target_is_directory=True)
    (inner / "link.png").symlink_to(inner / "one.png")
    (tmp_path / "way").symlink_to(inner, target_is_directory=True)
    files, _ = folders.pictures([tmp_path, inner, tmp_path / "way", inner / "one.png"])
    assert names(files) == ["one.png"]


def test_a_place_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ImageError, match="expected a folder or a picture, found nothing"):
        folders.pictures([tmp_path / "nowhere"])


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "one.png").write_bytes(b"x")
    listed = os.scandir

    def scandir(path):  # tests may run as root, whom no folder refuses
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files, broken = folders.pictures([tmp_path])
    assert names(files) == ["one.png"]
    assert broken == {str(tmp_path / "closed"): "Permission denied"}


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode elsewhere")
def test_names_that_are_no_text_are_kept(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.png"
    Path(os.fsdecode(name)).write_bytes(b"x")
    files, _ = folders.pictures([tmp_path])
    assert os.fsencode(files[0].path) == name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files in folders")
def test_what_is_no_regular_file_is_named_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(tmp_path / "socket.jpg"))  # whose names may not be long
    (tmp_path / "one.png").write_bytes(b"x")
    files, broken = folders.pictures([tmp_path, "/dev/null"])
    assert names(files) == ["one.png"]
    assert {Path(path).name: why for path, why in broken.items()} == {
        "pipe.png": "expected an image file, got a pipe",
        "socket.jpg": "expected an image file, got a socket",
        "null": "expected an image file, got a device",
    }
    with pytest.raises(OSError, match="got a pipe"):  # should it become one after it was listed
        folders.state(str(tmp_path / "pipe.png"))


def test_what_a_mac_keeps_beside_files_is_no_picture(tmp_path):
    for name in ("._one.jpg", "one.jpg", "two.JFIF", "three.jpe", "four.HEIC"):
        (tmp_path / name).write_bytes(b"x")
    files, _ = folders.pictures([tmp_path])
    assert names(files) == ["four.HEIC", "one.jpg", "three.jpe", "two.JFIF"]


def test_a_picture_that_is_being_written_is_none_yet(tmp_path):
    """Nor one whose writer was killed: its folder is left as it is."""
    with atomic_path(tmp_path / "picture.png") as temporary:
        temporary.write_bytes(b"x")
        (tmp_path / ".hidden").mkdir()
        (tmp_path / ".hidden" / "one.png").write_bytes(b"x")
        assert names(folders.pictures([tmp_path])[0]) == ["one.png"]
    assert names(folders.pictures([tmp_path])[0]) == ["one.png", "picture.png"]
