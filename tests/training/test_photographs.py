import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from velatura.errors import ImageError
from velatura.images.io import read
from velatura.training.photographs import Photographs, find, split


@pytest.fixture
def folder(tmp_path, photograph):
    (tmp_path / "inside").mkdir()
    for number in range(4):
        photograph.rotate(90 * number, expand=True).save(tmp_path / f"{number}.png")
    photograph.save(tmp_path / "inside" / "deep.jpg")
    (tmp_path / "notes.txt").write_text("no photograph")
    return tmp_path


def test_photographs_are_found_in_folders_within_folders(folder):
    assert [path.name for path in find([folder])] == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
        "deep.jpg",
    ]


@pytest.mark.parametrize("name", ["missing", "notes.txt", "empty"])
def test_a_folder_without_photographs_is_told(folder, name):
    (folder / "empty").mkdir()
    with pytest.raises(ImageError, match="expected"):
        find([folder / name])


def test_crops_are_repeatable_and_differ(folder):
    photographs = [Photographs(find([folder]), 48, (80, 120), seed=3) for _ in range(2)]
    first = photographs[0].batch(1, 3)
    photographs[1].batch(7, 2)  # what came before does not matter
    assert first.shape == (3, 3, 48, 48)
    assert torch.equal(photographs[1].batch(1, 3), first)
    assert not torch.equal(photographs[0].batch(2, 3), first)


def test_a_small_photograph_is_enlarged_to_the_crop(folder):
    Image.new("RGB", (20, 10), "red").save(folder / "small.png")
    batch = Photographs([folder / "small.png"], 48, (64, 64), seed=0).batch(1, 1)
    assert batch.shape == (1, 3, 48, 48)


def test_broken_photographs_are_left_out_and_named_once(folder):
    (folder / "broken.jpg").write_bytes(b"no picture")
    complaints: list[str] = []
    photographs = Photographs(find([folder]), 32, (64, 96), seed=0, on_error=complaints.append)
    for number in range(20):
        photographs.batch(number, 2)
    assert len(complaints) == 1
    assert "broken.jpg" in complaints[0]


def test_nothing_but_broken_photographs_is_told(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="none of 1 files can be read"):
        Photographs(find([tmp_path]), 32, (64, 64), seed=0).batch(1, 1)


def test_a_name_keeps_its_side_when_others_are_added():
    names = [Path(f"{n}.jpg") for n in range(200)]
    trained, held_out = split(names)
    assert set(trained) | set(held_out) == set(names)
    assert not set(trained) & set(held_out)
    assert 5 <= len(held_out) <= 40
    fewer = split(names[:100])[1]
    assert set(fewer) == set(held_out) & set(names[:100])
    assert split(names[:1]) == ([names[0]], [names[0]])


def test_names_that_are_no_utf8_and_other_kinds_of_files_are_trained_on(tmp_path, photograph):
    names = [os.fsdecode(b"caf\xe9.jpg"), "a.jfif", "b.bmp", "c.gif", "d.HEIC"]
    for name in names:
        photograph.save(tmp_path / name, {".bmp": "BMP", ".gif": "GIF"}.get(name[-4:], "JPEG"))
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\x16\7")
    found = find([tmp_path])
    assert sorted(path.name for path in found) == sorted(names)
    trained, held_out = split(found)
    assert {*trained, *held_out} == {*found}


def test_a_photograph_that_memory_is_too_small_for_is_left_out(tmp_path, photograph, monkeypatch):
    for name in "ab":
        photograph.save(tmp_path / f"{name}.png")

    def small_memory(path, *limits):
        if path.name == "a.png":
            raise MemoryError
        return read(path, *limits)

    monkeypatch.setattr("velatura.training.photographs.read", small_memory)
    told = []
    found = Photographs(find([tmp_path]), 16, None, 0, on_error=told.append)
    assert found.batch(0, 16).shape == (16, 3, 16, 16)
    assert told == [f"left out: {tmp_path / 'a.png'}: out of memory; something smaller needs less"]
