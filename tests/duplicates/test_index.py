import sqlite3
from contextlib import suppress

import pytest

from velatura.duplicates.folders import File
from velatura.duplicates.index import Index, Match
from velatura.errors import ConfigError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pictures.db"


def filled(path, version="1"):
    index = Index(path, version)
    with index.transaction():
        for number in range(3):
            content = bytes([number])
            index.remember(File(f"/pictures/{number}.jpg", 10, 20), content)
            index.add(content, (4, 3), b"grey", None if number else (b"content", b"style"))
    return index


def test_what_is_written_is_there_after_opening_again(path):
    index = filled(path)
    index.add_matches([Match(1, 2, 0.5, "because")], [1, 2])
    index.close()
    again = Index(path, "1")
    assert list(again.files()) == [f"/pictures/{number}.jpg" for number in range(3)]
    assert [picture.compared for picture in again.pictures()] == [True, True, False]
    assert again.matches(0.4) == [Match(1, 2, 0.5, "because")]
    assert again.matches(0.6) == []
    assert again.seen("style") == ([1], [b"style"])
    assert again.stand_ins() == {2: 1}
    assert not again.all_compared()
    again.close()


def test_another_version_begins_afresh(path):
    filled(path).close()
    again = Index(path, "2")
    assert not again.files()
    again.close()


def test_files_are_told_apart_by_place(path):
    index = filled(path)
    with index.transaction():
        index.remember(File("/picturesque/3.jpg", 1, 1), b"3")
    assert len(index.files(["/pictures"])) == 3
    index.forget(["/pictures/0.jpg"])
    assert len(index.files(["/pictures"])) == 2
    assert len(list(index.pictures())) == 3
    index.close()


def test_a_transaction_that_fails_leaves_nothing(path):
    index = Index(path, "1")
    with suppress(KeyboardInterrupt), index.transaction():
        index.remember(File("/a.jpg", 1, 1), b"1")
        raise KeyboardInterrupt
    assert not index.files()
    index.close()


@pytest.mark.parametrize("content", [b"no database at all " * 100, None])
def test_another_file_is_refused_and_left_alone(path, content):
    if content:
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE meta (something TEXT)")
        other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="expected an index of velatura duplicates"):
        Index(path, "1")
    assert path.read_bytes() == before


def test_an_index_that_must_exist_is_asked_for(path):
    with pytest.raises(ConfigError, match="expected an index, found nothing"):
        Index(path, "1", read_only=True)
    assert not path.exists()
