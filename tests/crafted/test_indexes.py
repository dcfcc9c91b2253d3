"""Mutated indexes give an answer about the pictures that are there, or one error."""

import pytest
from PIL import Image, ImageFilter
from tests.crafted.mutated import examples, for_all, mutated, outcome

from velatura.duplicates.find import find_duplicates, find_similar
from velatura.duplicates.fingerprints import Describer, Description
from velatura.errors import VelaturaError


@pytest.fixture
def pictures(tmp_path, photograph, painting, monkeypatch):
    """Two copies and another picture; the network says the same of all."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    photograph.save(folder / "photograph.png")
    photograph.filter(ImageFilter.GaussianBlur(1)).save(folder / "copy.png")
    painting.resize(photograph.size).save(folder / "painting.png")
    assert len(list(folder.iterdir())) == 3
    seen = {}

    def describe(self, looks):
        if not seen:
            seen["one"] = real(self, looks[:1])
        return Description(*(vectors.expand(len(looks), -1) for vectors in seen["one"]))

    real = Describer.__call__
    monkeypatch.setattr(Describer, "__call__", describe)
    return folder


@examples
def test_an_index_answers_or_is_refused_and_left_alone(tmp_path, pictures, examples):
    path = tmp_path / "index"
    right = find_duplicates(pictures, index=path)
    names = {str(file) for file in pictures.iterdir()}
    assert right.groups
    whole = path.read_bytes()

    def promise(content):
        path.write_bytes(content)
        found, told = outcome(lambda: find_duplicates(pictures, index=path), VelaturaError)
        if told:
            assert str(path) in told
            assert "\n" not in told
            assert path.read_bytes() == content
        else:
            assert found.files == right.files
            assert {member.path for group in found.groups for member in group.members} <= names
            assert all(0 <= m.similarity <= 1 for group in found.groups for m in group.members)

    words = [b"meta", b"files", b"pictures", b"matches", b"version", b".png", b"INTEGER", b"CREATE"]
    for_all(mutated(whole, words), examples, promise)


@examples
def test_what_is_similar_is_answered_or_refused_and_nothing_written(tmp_path, pictures, examples):
    path = tmp_path / "index"
    find_duplicates(pictures, index=path)
    whole = path.read_bytes()
    Image.radial_gradient("L").save(tmp_path / "asked.png")

    def promise(content):
        path.write_bytes(content)
        found, told = outcome(lambda: find_similar(tmp_path / "asked.png", path), VelaturaError)
        assert path.read_bytes() == content
        if told:
            assert str(path) in told
            assert "\n" not in told
        else:
            assert len(found) <= 3

    words = [b"meta", b"pictures", b"content_seen", b"version", b".png"]
    for_all(mutated(whole, words), examples, promise)
