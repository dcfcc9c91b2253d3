import errno
from pathlib import Path

import pytest

from velatura.duplicates import quarantine
from velatura.duplicates.folders import state
from velatura.duplicates.grouping import Group, Member
from velatura.errors import ConfigError


def member(path):
    file = state(str(path))
    return Member(file.path, 1.0, "same bytes", 4, 3, file.size, file.modified)


@pytest.fixture
def group(tmp_path):
    """A best picture and two others of one name, in three folders."""
    members = []
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "photo.jpg"
        path.write_text(folder)
        members.append(member(path))
    return Group(tuple(members))


@pytest.fixture
def aside(tmp_path):
    folder = tmp_path / "aside"
    folder.mkdir()
    return folder


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_all_but_the_best_move_and_nothing_is_overwritten(group, aside):
    (aside / "photo.jpg").write_text("mine")
    moves = quarantine.move([group], aside, dry_run=False)
    assert contents(aside) == {"photo.jpg": "mine", "photo-2.jpg": "b", "photo-3.jpg": "c"}
    assert [move.target for move in moves] == [str(aside / f"photo-{n}.jpg") for n in (2, 3)]
    assert [Path(one.path).exists() for one in group.members] == [True, False, False]


def test_a_dry_run_says_the_same_and_does_nothing(group, aside):
    planned = quarantine.move([group], aside, dry_run=True)
    assert contents(aside) == {}
    assert all(Path(one.path).exists() for one in group.members)
    assert quarantine.move([group], aside, dry_run=False) == planned


def test_files_that_changed_since_stay(group, aside):
    Path(group.members[1].path).write_text("more than before")
    moves = quarantine.move([group], aside, dry_run=False)
    assert "has changed" in moves[0].problem
    assert contents(aside) == {"photo.jpg": "c"}


def test_without_the_best_nothing_moves(group, aside):
    Path(group.keep).unlink()
    moves = quarantine.move([group], aside, dry_run=False)
    assert all("is gone" in move.problem for move in moves)
    assert contents(aside) == {}


def test_from_one_disk_to_another_files_are_copied(group, aside, monkeypatch):
    def replace(source, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "replace", replace)
    quarantine.move([group], aside, dry_run=False)
    assert contents(aside) == {"photo.jpg": "b", "photo-2.jpg": "c"}
    assert not Path(group.members[1].path).exists()


def test_a_move_that_fails_leaves_the_file_and_nothing_else(group, aside, monkeypatch):
    def replace(source, target):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", replace)
    moves = quarantine.move([group], aside, dry_run=False)
    assert {move.problem for move in moves} == {"Permission denied"}
    assert contents(aside) == {}
    assert all(Path(one.path).exists() for one in group.members)


def test_a_folder_that_is_looked_through_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="move-to: expected a folder outside"):
        quarantine.check_target(tmp_path / "a" / "b", [tmp_path / "a"])
    quarantine.check_target(tmp_path / "ab", [tmp_path / "a"])


def test_what_is_to_stay_stays_and_is_told(group, aside):
    best, stays, goes = group.members
    kept = Group((best, stays._replace(stays="protected"), goes))
    moves = quarantine.move([kept], aside, dry_run=False)
    assert [move.problem for move in moves] == ["protected", None]
    assert contents(aside) == {"photo.jpg": "c"}
    assert Path(stays.path).exists()
