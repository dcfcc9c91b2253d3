import json
import re

import pytest

from velatura.duplicates.find import Duplicates
from velatura.duplicates.grouping import Group, Member
from velatura.duplicates.report import write_report
from velatura.errors import FileError


def duplicates(*paths, broken=None):
    members = (Member(str(path), 0.9, "near-identical", 320, 213, 1000, 10**18) for path in paths)
    return Duplicates([Group(tuple(members))], broken or {}, [], [], len(paths))


def data(page):
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found)


def test_the_page_holds_every_group_and_needs_nothing_else(tmp_path, library):
    nasty = library / "<script>alert(1)<" / "script>&.png"
    write_report(tmp_path / "out.html", duplicates(library / "cat.png", nasty))
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    ((best, other),) = data(page)
    assert best["picture"].startswith("data:image/webp;base64,")
    assert (best["width"], best["height"], best["date"]) == (320, 213, "2001-09-09")
    assert other["path"] == str(nasty)
    assert other["picture"] == ""  # the file is not there
    assert not re.search(r"https?://|<link|src=", page)


def test_broken_files_are_named_and_escaped(tmp_path, library):
    found = duplicates(library / "cat.png", broken={"/a/<b>.jpg": "expected <an image>"})
    write_report(tmp_path / "out.html", found)
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "1 could not be read" in page
    assert "/a/&lt;b&gt;.jpg" in page
    assert "expected &lt;an image&gt;" in page


def test_names_that_are_no_text_do_not_stop_it(tmp_path):
    write_report(tmp_path / "out.html", duplicates("/a/\udcff.jpg"))
    assert "udcff" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(FileError, match="nowhere does not exist"):
        write_report(tmp_path / "nowhere" / "out.html", duplicates())
