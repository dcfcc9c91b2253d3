import pytest

from velatura import cache


def test_folder_honours_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("VELATURA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "velatura"
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "own"))
    assert cache.folder() == tmp_path / "own"


def test_what_is_kept_is_made_once(monkeypatch, tmp_path):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "new"))
    assert cache.kept("a", lambda: b"first") == b"first"
    assert cache.kept("a", lambda: pytest.fail("made again")) == b"first"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


def test_a_folder_that_cannot_be_written_keeps_nothing_and_harms_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "file" / "folder"))
    assert cache.kept("a", lambda: b"first") == b"first"
    assert cache.kept("a", lambda: b"second") == b"second"
