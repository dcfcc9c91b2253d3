import pytest

from velatura import cache
from velatura.errors import ConfigError


def test_folder_honours_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("VELATURA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "velatura"
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "own"))
    assert cache.folder() == tmp_path / "own"


def test_no_home_is_told(monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", "~no-such-user/folder")
    with pytest.raises(ConfigError, match="expected a folder"):
        cache.folder()


def test_what_is_kept_is_made_once(monkeypatch, tmp_path):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "new"))
    assert cache.kept("a", b"of this", lambda: b"first") == b"first"
    assert cache.kept("a", b"of this", lambda: pytest.fail("made again")) == b"first"
    assert cache.kept("a", b"of that", lambda: b"second") == b"second"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


@pytest.mark.parametrize(
    "damage", [lambda kept: b"", lambda kept: kept[:-1], lambda kept: kept[1:]]
)
def test_what_is_damaged_is_made_anew(monkeypatch, tmp_path, damage):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    cache.kept("a", b"of this", lambda: b"first")
    (tmp_path / "a").write_bytes(damage((tmp_path / "a").read_bytes()))
    assert cache.kept("a", b"of this", lambda: b"second") == b"second"
    assert cache.kept("a", b"of this", lambda: b"third") == b"second"


@pytest.mark.parametrize("home", ["file/folder", "~no-such-user/folder"])
def test_without_a_place_nothing_is_kept_and_nothing_harmed(monkeypatch, tmp_path, home):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("VELATURA_HOME", home if home[0] == "~" else str(tmp_path / home))
    assert cache.kept("a", b"of this", lambda: b"first") == b"first"
    assert cache.kept("a", b"of this", lambda: b"second") == b"second"
