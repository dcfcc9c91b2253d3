import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress

import pytest

from velatura.duplicates import index as index_module
from velatura.duplicates.folders import File
from velatura.duplicates.index import Index, Match
from velatura.duplicates.schema import FIRST
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


def test_another_version_looks_again_at_the_files_it_knew(path):
    index = filled(path)
    index.add_matches([Match(1, 2, 0.5, "because")], [1, 2])
    index.set_apart(b"\2", b"\0")
    index.close()
    again = Index(path, "2")
    assert list(again.unseen()) == list(again.files()) == [f"/pictures/{n}.jpg" for n in range(3)]
    assert not list(again.pictures())
    assert not again.matches(0)
    for number in (2, 1, 0):
        again.add(bytes([number]), (4, 3), b"grey", None)
    assert not again.unseen()
    assert again.apart() == {(1, 3)}
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


def test_what_is_forgotten_stays_forgotten(path):
    index = filled(path)
    index.forget(["/pictures/0.jpg"])
    index.close()
    again = Index(path, "1")
    assert list(again.files()) == ["/pictures/1.jpg", "/pictures/2.jpg"]
    again.close()


def test_a_transaction_that_fails_leaves_nothing(path):
    index = Index(path, "1")
    with suppress(KeyboardInterrupt), index.transaction():
        index.remember(File("/a.jpg", 1, 1), b"1")
        raise KeyboardInterrupt
    assert not index.files()
    index.close()


def database(path, *statements):
    with closing(sqlite3.connect(path)) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()


FOREIGN = {
    "a table of the same name": ("CREATE TABLE meta (version TEXT NOT NULL)",),
    "with a version": (
        "CREATE TABLE meta (version TEXT NOT NULL)",
        "INSERT INTO meta VALUES ('7')",
        "CREATE TABLE files (mine)",
    ),
    "an older index and a table more": (*FIRST, "CREATE TABLE mine (something)"),
    "an older index and a view more": (*FIRST, "CREATE VIEW mine AS SELECT 1"),
    "an older index with a column more": (*FIRST, "ALTER TABLE files ADD COLUMN mine"),
    "an older index of another program": (*FIRST, "PRAGMA application_id = 5"),
    "no tables": ("PRAGMA user_version = 3",),
    "written ahead": ("PRAGMA journal_mode = WAL", *FIRST),
}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
def test_the_database_of_another_program_is_refused_and_left_alone(path, statements, read_only):
    database(path, *statements)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="expected an index of velatura duplicates"):
        Index(path, "1", read_only)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(ConfigError, match="expected an index of velatura duplicates"):
        Index(path, "1")
    assert path.read_bytes() == b"no database at all " * 100


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="got a pipe"):
        Index(path, "1")


def test_an_index_of_before_is_brought_up_to_date(path):
    database(
        path,
        *FIRST,
        "INSERT INTO meta VALUES ('1')",
        "INSERT INTO files VALUES (CAST('/a.jpg' AS BLOB), 10, 20, x'07', NULL)",
        "INSERT INTO files VALUES (CAST('/b.jpg' AS BLOB), 10, 20, NULL, 'out of memory')",
        "INSERT INTO pictures VALUES (1, x'07', 4, 3, x'00', x'01', x'02', 1, x'03', 0.5)",
    )
    before = path.read_bytes()
    reading = Index(path, "1", read_only=True)
    assert reading.seen("style") == ([1], [b"\2"])
    reading.close()
    assert path.read_bytes() == before
    Index(path, "1").close()
    again = Index(path, "1")
    assert list(again.files()) == ["/a.jpg"]  # what was broken is tried again
    assert again.size(1) == (4, 3)
    assert again.quality(1) is None  # measured in another way
    again.close()


def test_an_index_of_other_fingerprints_is_not_changed_by_reading(path):
    filled(path).close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="expected an index of this version"):
        Index(path, "2", read_only=True)
    assert path.read_bytes() == before


def test_reading_never_writes(path):
    filled(path).close()
    with (
        pytest.raises(ConfigError, match="readonly"),
        Index(path, "1", read_only=True) as index,
    ):
        index.remember(File("/a.jpg", 1, 1), b"1")


@pytest.mark.parametrize("read_only", [False, True])
def test_another_process_that_writes_is_waited_for_then_told(path, monkeypatch, read_only):
    filled(path).close()
    monkeypatch.setattr(index_module, "WAIT", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match="another program writes to it"):
            Index(path, "1", read_only)
        other.execute("ROLLBACK")
    Index(path, "1", read_only).close()


def test_two_may_write_the_same(path):
    one, other = filled(path), Index(path, "1")
    for index in (one, other):
        with index.transaction():
            index.remember(File("/new.jpg", 1, 1), b"new")
            index.add(b"new", (4, 3), b"grey", None)
        index.add_matches([Match(1, 4, 0.5, "because")], [4])
        assert [picture.number for picture in one.pictures()] == [1, 2, 3, 4]
    one.close()
    other.close()


def test_a_disk_that_is_full_when_it_is_made_leaves_what_can_be_used_later(path, monkeypatch):
    connect = index_module._connect

    def tiny(path, mode="memory"):
        rows = connect(path, mode)
        if path:
            rows.execute("PRAGMA max_page_count = 3")
        return rows

    monkeypatch.setattr(index_module, "_connect", tiny)
    with pytest.raises(ConfigError, match=r"is full\); make room"):
        Index(path, "1")
    monkeypatch.undo()
    filled(path).close()


def fill(path):
    with filled(path) as index:
        index.rows.execute("PRAGMA max_page_count = 10")
        for number in range(1000):
            index.remember(File(f"/{number}.jpg", 1, 1), bytes(100))


def test_a_disk_that_fills_is_one_line(path):
    with pytest.raises(ConfigError, match=r"is full\); make room"):
        fill(path)
    again = Index(path, "1")
    assert len(again.files()) > 3
    again.close()


def test_damaged_names_of_tables_are_one_line(path):
    filled(path).close()
    path.write_bytes(path.read_bytes().replace(b"similarity REAL", b"similarit\xec REAL"))
    with pytest.raises(ConfigError):
        Index(path, "1")


def test_a_write_that_was_cut_short_is_undone(path):
    filled(path).close()
    before = path.read_bytes()
    code = (
        "import os, sqlite3, sys\n"
        "rows = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "rows.execute('PRAGMA cache_size = 2')\n"
        "rows.execute('BEGIN')\n"
        "for number in range(300):\n"
        "    rows.execute('INSERT INTO pictures (content, width, height, grey) '\n"
        "                 'VALUES (randomblob(9), 4, 3, randomblob(500))')\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)
    assert len(path.read_bytes()) > len(before)
    with pytest.raises(ConfigError, match="a write was cut short"):
        Index(path, "1", read_only=True)
    with Index(path, "1") as again:
        assert len(list(again.pictures())) == 3


@pytest.mark.parametrize(
    "damage", ["width = 0", "grey = 'text'", "content_seen = x'01'", "sharpness = 'text'"]
)
def test_damage_that_the_database_does_not_notice_is_one_line(path, damage):
    filled(path).close()
    database(
        path,
        "UPDATE pictures SET content_seen = x'0203'",
        f"UPDATE pictures SET {damage} WHERE number = 2",
    )
    with pytest.raises(ConfigError, match="damaged: move it away"), Index(path, "1") as index:
        raise TypeError(index)
    with pytest.raises(TypeError), Index(None, "1") as index:  # faults of ours stay what they are
        raise TypeError(index)


def test_an_index_that_must_exist_is_asked_for(path):
    with pytest.raises(ConfigError, match="expected an index, found nothing"):
        Index(path, "1", read_only=True)
    assert not path.exists()
