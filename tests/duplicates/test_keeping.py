import pytest

from velatura.duplicates.folders import File
from velatura.duplicates.index import Quality
from velatura.duplicates.keeping import Copy, Keeping
from velatura.duplicates.quality import LOSSY, NO_LOSS, SPOILT
from velatura.errors import ConfigError


def copy(name, *, width=40, loss=NO_LOSS, step=None, sharp=0.1, size=1000, age=5, pixels=None):
    quality = Quality(pixels or name.encode(), loss, step, sharp)
    return Copy(1, File(f"/photos/{name}", size, -age), width, 30, quality)


def order(copies, *rules):
    names = [copy.file.path.removeprefix("/photos/") for copy in copies]
    found = Keeping(rules).ordered(copies)
    again = Keeping(rules).ordered(copies[::-1])
    assert again == found
    assert len(found) == len(names)
    return [copy.file.path.removeprefix("/photos/") for copy in found]


def test_more_pixels_then_less_loss_then_finer_steps_then_sharpness_then_age():
    wanted = [
        copy("large", width=41, loss=SPOILT),
        copy("sharp", sharp=0.2, age=1),
        copy("old", age=9),
        copy("new"),
        copy("fine", loss=LOSSY, step=3, size=10, sharp=0),
        copy("bytes", loss=LOSSY, step=9, size=900),
        copy("few bytes", loss=LOSSY, step=9, size=800, sharp=0.9),
        copy("spoilt", loss=SPOILT, sharp=0.9, size=9999),
    ]
    assert order(wanted[::-1]) == [one.file.path.removeprefix("/photos/") for one in wanted]


def test_of_lossy_formats_that_do_not_tell_the_largest_file_is_best():
    copies = [
        copy("a.jpg", loss=LOSSY, step=9, size=500),
        copy("b.webp", loss=LOSSY, size=800),
        copy("c.jpg", loss=LOSSY, step=3, size=300),
    ]
    assert order(copies) == ["b.webp", "a.jpg", "c.jpg"]


def test_of_the_same_pixels_the_oldest_is_best_however_it_is_stored():
    copies = [
        copy("a.jpg", loss=LOSSY, step=9, size=500, age=9, pixels=b"same"),
        copy("b.png", loss=SPOILT, size=900, pixels=b"same"),
        copy("c.jpg", loss=LOSSY, step=99, size=900),
    ]
    assert order(copies) == ["a.jpg", "b.png", "c.jpg"]


def test_rules_come_before_quality_and_the_first_matters_most():
    copies = [
        copy("best", width=50, age=5),
        copy("old/one", age=9, size=10),
        copy("old/two", age=9, size=20),
        copy("new", age=1),
    ]
    assert order(copies, "oldest")[0] == "old/one"
    assert order(copies, "newest")[0] == "new"
    assert order(copies, "oldest", "largest")[:2] == ["old/two", "old/one"]
    assert order(copies, "path=*/old/*", "newest")[:3] == ["old/one", "old/two", "new"]
    assert order(copies, "path=*/none/*")[0] == "best"


def test_what_is_protected_comes_before_all(tmp_path):
    (tmp_path / "mine").mkdir()
    mine = copy("worst", width=10)
    mine = mine._replace(file=File(str(tmp_path / "mine/worst"), 1, 1))
    other = copy("other", width=60)._replace(file=File(str(tmp_path / "mineral"), 9, 1))
    keeping = Keeping(["largest"], [tmp_path / "mine"])
    assert keeping.ordered([other, mine]) == [mine, other]
    with pytest.raises(ConfigError, match="protect: expected a folder, found nothing"):
        Keeping((), [tmp_path / "mine", tmp_path / "typo"])


def test_what_could_not_be_read_whole_comes_last():
    unread = Copy(1, File("/photos/unread", 9999, -99), 40, 30)
    copies = [copy("spoilt", loss=SPOILT), copy("lossy", loss=LOSSY, step=99), unread]
    assert order(copies) == ["lossy", "spoilt", "unread"]


@pytest.mark.parametrize("rule", ["", "best", "path", "path=", "oldest=x", "PATH=x"])
def test_other_rules_are_refused(rule):
    with pytest.raises(ConfigError, match="keep: expected oldest, newest, largest or path=PATTERN"):
        Keeping([rule])
