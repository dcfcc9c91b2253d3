import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from velatura.duplicates import find as find_module
from velatura.duplicates import survey as survey_module
from velatura.duplicates.calibration import calibration
from velatura.duplicates.find import find_duplicates, find_similar
from velatura.duplicates.fingerprints import Describer
from velatura.errors import ConfigError, ImageError, TooLargeError, VelaturaError
from velatura.images import opening


def names(group):
    return [Path(member.path).name for member in group.members]


def whys(group):
    return {Path(member.path).name: member.why for member in group.members}


def test_every_stage_finds_its_own(library, photographs):
    cat, coffee = photographs["cat"], photographs["coffee"]
    shutil.copy(library / "cat.png", library / "cat copy.png")
    cat.save(library / "cat.bmp")
    cat.resize((200, 133)).save(library / "cat small.jpg", quality=50)
    cat.transpose(Image.Transpose.ROTATE_90).save(library / "cat turned.jpg")
    coffee.crop((20, 10, 280, 190)).save(library / "coffee cut.jpg")
    found = find_duplicates(library)
    assert [sorted(names(group)) for group in found.groups] == [
        ["cat copy.png", "cat small.jpg", "cat turned.jpg", "cat.bmp", "cat.png"],
        ["coffee cut.jpg", "coffee.png"],
    ]
    cats = whys(found.groups[0])
    best = cats.pop(names(found.groups[0])[0])
    assert best == "the best"
    assert "same bytes" in cats.values() or "same pixels" in cats.values()
    assert cats["cat small.jpg"] == "near-identical"
    assert cats["cat turned.jpg"] == "near-identical, turned by 90°"
    assert names(found.groups[1]) == ["coffee.png", "coffee cut.jpg"]
    assert whys(found.groups[1])["coffee cut.jpg"] == "seen alike by the network"
    assert found.files == 9
    assert not found.broken


def test_the_best_is_the_largest_then_without_loss_then_the_oldest(library, photographs):
    picture = photographs["rocket"]
    picture.resize((640, 428)).save(library / "large.jpg", quality=30)
    assert names(find_duplicates(library).groups[0]) == ["large.jpg", "rocket.png"]
    (library / "large.jpg").unlink()
    picture.resize((80, 54)).resize(picture.size).save(library / "blurred.png")
    picture.save(library / "coarse.jpg", quality=5)  # its blocks are sharp
    picture.save(library / "fine.jpg", quality=95)
    os.utime(library / "coarse.jpg", (1e9, 1e9))
    found = find_duplicates(library).groups[0]
    assert names(found) == ["rocket.png", "blurred.png", "fine.jpg", "coarse.jpg"]
    for name in names(found)[1:]:
        (library / name).unlink()
    shutil.copy(library / "rocket.png", library / "older.png")
    os.utime(library / "older.png", (1e9, 1e9))
    assert names(find_duplicates(library).groups[0]) == ["older.png", "rocket.png"]


def test_what_is_asked_for_is_passed_on(tmp_path, photographs):
    index, (one, other) = tmp_path / "index.db", (tmp_path / "one", tmp_path / "other")
    for folder in (one, other):
        folder.mkdir()
    photographs["cat"].save(one / "cat.png")
    photographs["cat"].save(one / "cat.jpg")
    photographs["cat"].resize((160, 107)).save(other / "small.jpg")
    pair = (one / "cat.jpg", one / "cat.png")
    (group,) = find_duplicates(one, other, index=index, keep="path=*/small.jpg").groups
    assert names(group) == ["small.jpg", "cat.png", "cat.jpg"]
    (group,) = find_duplicates(one, other, index=index, protect=other).groups
    assert names(group) == ["small.jpg", "cat.png", "cat.jpg"]
    assert not find_duplicates(one, index=index, no_match=[pair]).groups
    assert not find_duplicates(one, index=index).groups  # it is remembered
    (one / "cat.jpg").unlink()
    assert find_duplicates(one, other, index=index, across=True).groups
    for wrong, told in ((one / "none.jpg", "No such file"), (pair[1], "the same bytes")):
        with pytest.raises(ImageError, match=told):
            find_duplicates(one, index=index, no_match=[(pair[1], wrong)])
    with pytest.raises(ConfigError, match="no-match: expected an index"):
        find_duplicates(one, no_match=[pair])
    with pytest.raises(ConfigError, match="across: expected two folders"):
        find_duplicates(one, str(one), across=True)


def test_a_second_run_reads_nothing_and_finds_the_same(library, photographs, monkeypatch):
    photographs["cat"].crop((20, 10, 300, 200)).save(library / "cut.png")
    (library / "broken.jpg").write_bytes(b"nothing")
    index = library.parent / "index.db"
    first = find_duplicates(library, index=index)
    assert len(first.groups) == 1
    assert list(first.broken) == [str(library / "broken.jpg")]

    def refuse(*arguments):
        raise AssertionError

    monkeypatch.setattr(survey_module, "_read", refuse)
    monkeypatch.setattr(Describer, "__call__", refuse)
    assert find_duplicates(library, index=index) == first


def test_changed_and_vanished_files_are_noticed(library, photographs):
    index = library.parent / "index.db"
    shutil.copy(library / "cat.png", library / "copy.png")
    assert len(find_duplicates(library, index=index).groups) == 1
    photographs["coffee"].crop((5, 5, 300, 200)).save(library / "copy.png")
    (library / "rocket.png").unlink()
    found = find_duplicates(library, index=index)
    assert found.changed == [str(library / "copy.png")]
    assert found.vanished == [str(library / "rocket.png")]
    assert names(found.groups[0]) == ["coffee.png", "copy.png"]


def test_what_vanished_is_told_once(library):
    index = library.parent / "index.db"
    find_duplicates(library, index=index)
    (library / "rocket.png").unlink()
    told = [find_duplicates(library, index=index).vanished for _ in range(2)]
    assert told == [[str(library / "rocket.png")], []]


def test_what_memory_or_the_disk_refused_is_tried_again(library, monkeypatch):
    index = library.parent / "index.db"
    real, errors = survey_module.look, []

    def refuse(path):
        if path.name == "cat.png" and errors:
            raise errors[0]
        return real(path)

    monkeypatch.setattr(survey_module, "look", refuse)
    for cause in (MemoryError(), OSError(5, "Input/output error")):
        error = ImageError(f"{library / 'cat.png'}: cannot be read")
        error.__cause__ = cause
        errors[:] = [error]
        told = find_duplicates(library, index=index).broken
        assert told == {str(library / "cat.png"): "cannot be read"}
    for error in (MemoryError(), TooLargeError("expected less"), ValueError("odd\nindeed")):
        errors[:] = [error]
        (told,) = find_duplicates(library, index=index).broken.values()
        assert told in ("out of memory", "expected less", "ValueError: odd indeed")
    errors.clear()
    found = find_duplicates(library, index=index)
    assert not found.broken
    assert found.files == 4


def test_an_index_of_other_fingerprints_is_filled_again(library, tmp_path, monkeypatch):
    index, more = tmp_path / "index.db", tmp_path / "more"
    more.mkdir()
    shutil.copy(library / "cat.png", more / "twin.png")
    find_duplicates(library, index=index)
    before = calibration()
    monkeypatch.setattr(find_module, "calibration", lambda: before._replace(version="next"))
    with pytest.raises(ConfigError, match="expected an index of this version"):
        find_similar(more / "twin.png", index)
    found = find_duplicates(more, index=index, add=True)
    assert sorted(names(found.groups[0])) == ["cat.png", "twin.png"]
    assert found.files == 5
    assert not found.changed


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """A folder that an index knows, and the bytes of the index."""
    folder = tmp_path_factory.mktemp("indexed")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    for name in ("a.png", "b.png", "c.jpg"):
        picture.save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no picture")
    assert find_duplicates(folder, index=folder / "index.db").groups
    return folder, (folder / "index.db").read_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_index_is_right_or_one_line(indexed, seed):
    folder, whole = indexed
    generator = np.random.default_rng(seed)
    data = np.frombuffer(whole, np.uint8).copy()
    places = generator.integers(0, len(data), (1, 3, 30, 300)[seed % 4])
    data[places] = generator.integers(0, 256, len(places))
    index = folder / "damaged.db"
    index.write_bytes(data[: len(data) if seed % 3 else int(places[0])].tobytes())
    for ask in (
        lambda: find_similar(folder / "a.png", index),
        lambda: find_duplicates(folder, index=index, add=True),
    ):
        with suppress(VelaturaError):
            ask()


def test_an_interrupted_run_goes_on_where_it_was(library, photographs, monkeypatch):
    photographs["cat"].save(library / "zebra.jpg")
    monkeypatch.setattr(survey_module, "BATCH", 2)
    index = library.parent / "index.db"

    def interrupt(progress):
        if progress.done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_duplicates(library, index=index, on_progress=interrupt)
    left = []
    found = find_duplicates(library, index=index, on_progress=left.append)
    assert [step.total for step in left if step.task == "looking"] == [1]
    assert names(found.groups[0]) == ["cat.png", "zebra.jpg"]


def test_new_folders_join_those_that_the_index_knows(library, tmp_path):
    index, more = tmp_path / "index.db", tmp_path / "more"
    find_duplicates(library, index=index)
    more.mkdir()
    shutil.copy(library / "cat.png", more / "twin.png")
    assert not find_duplicates(more, index=index).groups
    found = find_duplicates(more, index=index, add=True)
    assert sorted(names(found.groups[0])) == ["cat.png", "twin.png"]
    assert found.files == 5


def test_a_file_that_changes_while_it_is_read_is_read_again(library, monkeypatch):
    look, seen = survey_module.look, []

    def disturb(path):
        if path.name == "cat.png" and not seen:
            seen.append(path)
            shutil.copy(library / "coffee.png", path)
        return look(path)

    monkeypatch.setattr(survey_module, "look", disturb)
    found = find_duplicates(library)
    assert [sorted(names(group)) for group in found.groups] == [["cat.png", "coffee.png"]]
    assert whys(found.groups[0])["coffee.png"] in ("same bytes", "the best")


def test_a_file_that_never_rests_is_named(library, monkeypatch):
    look, count = survey_module.look, iter(range(100))

    def disturb(path):
        if path.name == "cat.png":
            os.utime(path, (1, next(count)))
        return look(path)

    monkeypatch.setattr(survey_module, "look", disturb)
    found = find_duplicates(library)
    assert found.broken == {str(library / "cat.png"): "changed while it was read"}


def test_a_file_that_may_not_be_read_is_named_and_tried_again(library, monkeypatch):
    index = library.parent / "index.db"
    real = survey_module.content_of

    def closed(path):
        if path.name == "cat.png":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(survey_module, "content_of", closed)
    assert find_duplicates(library, index=index).broken == {
        str(library / "cat.png"): "Permission denied"
    }
    monkeypatch.undo()
    found = find_duplicates(library, index=index)
    assert not found.broken
    assert found.files == 4


def test_similar_pictures_come_first(library, photographs):
    index = library.parent / "index.db"
    photographs["coffee"].resize((150, 100)).save(library / "near.jpg")  # the network skips it
    find_duplicates(library, index=index)
    photo = library.parent / "asked.png"
    photographs["coffee"].crop((30, 20, 290, 190)).save(photo)
    for by in ("content", "style"):
        found = find_similar(photo, index, by=by, count=3)
        assert len(found) == 3
        assert {Path(similar.path).name for similar in found[:2]} == {"coffee.png", "near.jpg"}
        assert found[0].similarity >= found[1].similarity > found[2].similarity


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan")])
def test_a_threshold_out_of_range_is_refused(library, threshold):
    with pytest.raises(ConfigError, match="threshold: expected auto or a number"):
        find_duplicates(library, threshold=threshold)


def test_adding_needs_an_index(library):
    with pytest.raises(ConfigError, match="add: expected an index"):
        find_duplicates(library, add=True)


def test_what_is_not_there_is_refused(library):
    with pytest.raises(ImageError, match="found nothing"):
        find_duplicates(library / "nowhere")
    with pytest.raises(ConfigError, match="found nothing"):
        find_similar(library / "cat.png", library / "nowhere.db")
    with pytest.raises(ConfigError, match="by: expected content or style"):
        find_similar(library / "cat.png", library / "nowhere.db", by="colour")


def test_what_memory_refused_is_looked_at_again(library, tmp_path, monkeypatch):
    """It is told, but nothing is wrong with the file."""
    monkeypatch.setattr(opening, "_most_pixels", 50_000)
    first = find_duplicates(library, index=tmp_path / "index.db")
    assert any("at most 0.05 million pixels" in told for told in first.broken.values())
    monkeypatch.setattr(opening, "_most_pixels", None)
    assert not find_duplicates(library, index=tmp_path / "index.db").broken
