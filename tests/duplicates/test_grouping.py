import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from velatura.duplicates.folders import state
from velatura.duplicates.grouping import connected, groups
from velatura.duplicates.index import Index, Match
from velatura.duplicates.keeping import Keeping

NODES = st.integers(0, 12)


@given(st.lists(st.tuples(NODES, NODES)))
def test_connected_sets_are_those_that_walking_finds(links):
    neighbours = {node: {node} for node in range(13)}
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    wanted = set()
    for node in neighbours:
        reached = {node}
        while True:
            more = set().union(*(neighbours[n] for n in reached))
            if more == reached:
                break
            reached = more
        wanted.add(frozenset(reached))
    assert {frozenset(found) for found in connected(range(13), links)} == wanted


@given(st.lists(st.tuples(NODES, NODES)), st.sets(st.tuples(NODES, NODES)))
def test_what_is_apart_is_never_brought_together(links, apart):
    apart = {(one, other) for one, other in apart if one != other}
    found = connected(range(13), links, apart)
    assert sorted(node for numbers in found for node in numbers) == list(range(13))
    for numbers in found:
        assert not any(one in numbers and other in numbers for one, other in apart)
    whole = connected(range(13), links)
    assert all(any(set(part) <= set(one) for one in whole) for part in found)


def test_the_strongest_link_decides_which_side_one_is_on():
    assert connected(range(3), [(0, 1), (1, 2)], [(0, 2)]) == [[0, 1], [2]]
    assert connected(range(3), [(1, 2), (0, 1)], [(2, 0)]) == [[0], [1, 2]]


class Known:
    """Pictures in folders, and an index that holds which of them match."""

    def __init__(self, folder):
        self.folder = folder
        self.index = Index(None, "1")

    def make(self, name, side, content):
        """A picture that all of one content would be the same bytes of."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (side, side), (side, 0, 0)).save(path)
        self.note(path, content)
        if content not in self.index.contents():
            self.index.add(content, (side, side), b"grey", None)
        return path

    def note(self, path, content):
        self.index.remember(state(str(path)), content)

    def match(self, one, other, similarity=0.9):
        self.index.add_matches([Match(one, other, similarity, "seen")], [])

    def groups(self, *rules, protect=(), across=None):
        found = groups(self.index, self.index.files(), 0.5, Keeping(rules, protect), across)
        return [[str(Path(m.path).relative_to(self.folder)) for m in g.members] for g in found]

    def stays(self, **options):
        found = groups(self.index, self.index.files(), 0.5, Keeping(**options))
        return [member.stays for group in found for member in group.members]


@pytest.fixture
def known(tmp_path):
    made = Known(tmp_path)
    yield made
    made.index.close()


def test_names_of_one_file_are_no_copies_of_each_other(known):
    one = known.make("a.png", 8, b"1")
    os.link(one, known.folder / "b.png")
    known.note(known.folder / "b.png", b"1")
    assert known.groups() == []
    known.make("large.png", 9, b"2")
    known.match(1, 2)
    assert known.groups() == [["large.png", "a.png"]]
    first, second = known.stays()
    assert not first
    assert "hard link" in second  # moving one of its names away frees nothing


def test_a_folder_seen_in_two_places_holds_no_copies(known, monkeypatch):
    known.make("a.png", 8, b"1")
    known.make("mounted/a.png", 8, b"1")
    real = Path.stat

    def stat(path, **options):
        return real(known.folder / "a.png" if path.name == "a.png" else path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    assert known.groups() == []


def test_rules_and_protected_folders_decide_before_quality(known):
    known.make("large.png", 9, b"1")
    os.utime(known.make("kept/small.png", 7, b"2"), (1e9, 1e9))
    shutil.copy2(known.folder / "kept/small.png", known.folder / "kept/twin.png")
    os.utime(known.folder / "kept/twin.png", (1e9, 1e9 + 1))
    for name in ("small", "twin"):
        known.note(known.folder / f"kept/{name}.png", b"2")
    known.match(1, 2)
    assert known.groups()[0][0] == "large.png"
    assert known.groups("oldest")[0][0] == "kept/small.png"
    kept = [known.folder / "kept"]
    assert known.groups("newest", protect=kept) == [
        ["kept/twin.png", "kept/small.png", "large.png"]
    ]
    assert known.stays(rules=["newest"], protected=kept) == ["", "protected", ""]


def test_across_only_matches_between_folders_count(known):
    for number, name in enumerate(("one/a.png", "one/b.png", "one/c.png", "other/d.png"), 1):
        known.make(name, 10 - number, bytes([number]))
    known.make("one/a twin.png", 9, bytes([1]))
    known.match(1, 2)
    known.match(3, 4)
    places = [known.folder / "one", known.folder / "other"]
    assert known.groups() == [
        ["one/a.png", "one/a twin.png", "one/b.png"],
        ["one/c.png", "other/d.png"],
    ]
    assert known.groups(across=places) == [["one/c.png", "other/d.png"]]
    known.make("other/a.png", 9, bytes([1]))
    # The inner folder of two is a place of its own, and what was not named is one.
    assert known.groups(across=[known.folder, known.folder / "other"])[0] == [
        *("one/a.png", "one/a twin.png", "other/a.png", "one/b.png")
    ]


def test_pairs_that_are_no_match_are_in_no_group_together(known):
    for number in (1, 2, 3):
        known.make(f"{number}.png", 10 - number, bytes([number]))
    known.match(1, 2, 0.7)
    known.match(1, 3, 0.8)
    known.match(2, 3, 0.9)
    assert known.groups() == [["1.png", "2.png", "3.png"]]
    known.index.set_apart(bytes([2]), bytes([1]))
    assert known.groups() == [["2.png", "3.png"]]
    known.index.set_apart(bytes([2]), bytes([3]))
    assert known.groups() == [["1.png", "3.png"]]
