import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from skimage import data
from tests.studio.driver import go_to

from velatura.duplicates.find import Duplicates
from velatura.duplicates.grouping import Group, Member
from velatura.studio.pages import duplicates


def status(page):
    return page.locator("#duplicates-status p")


@pytest.fixture
def pictures(tmp_path):
    """A cat thrice, a rocket, and a file that is damaged."""
    cat = Image.fromarray(data.chelsea())
    cat.save(tmp_path / "cat.png")
    cat.resize((225, 150)).save(tmp_path / "small.jpg")
    cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((300, 200)).save(tmp_path / "turned.jpg")
    Image.fromarray(data.rocket()).resize((200, 150)).save(tmp_path / "rocket.jpg")
    (tmp_path / "broken.png").write_bytes((tmp_path / "cat.png").read_bytes()[:900])
    return sorted(tmp_path.glob("*.*g"))


def test_groups_are_shown_with_what_to_keep(phone, studio, pictures):
    go_to(phone, "Duplicates")
    phone.set_input_files("#duplicates-pictures input[type=file]", pictures)
    expect(phone.locator("#duplicates-pictures .file-preview tr")).to_have_count(5)
    phone.locator("#duplicates-start").click()
    expect(status(phone)).to_have_text("1 group in 4 pictures; 2 could go", timeout=60_000)
    figures = phone.locator("#duplicates-groups figure")
    expect(figures).to_have_count(3)
    expect(figures.first).to_have_text(re.compile("^keep451×300.*cat.png$"))
    expect(figures.nth(1)).to_have_text(re.compile(r"^[01]\.\d{3} .*turned.jpg$"))
    assert figures.nth(2).locator("img").evaluate("image => image.naturalWidth") == 144
    listed = phone.locator("#duplicates-groups li")
    expect(listed).to_have_text(re.compile("^broken.png: cannot be read"))
    expect(phone.locator("#duplicates-others textarea")).to_have_value("turned.jpg\nsmall.jpg")
    assert str(studio.folder) not in phone.locator("#duplicates-groups").inner_html()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_studios_own_pictures_can_be_looked_through(tab):
    go_to(tab, "Duplicates")
    tab.locator("#duplicates-start").click()
    expect(status(tab)).to_have_text("Choose two pictures or more first.")
    tab.locator("#duplicates-places").get_by_label("paintings").check()
    tab.locator("#duplicates-start").click()
    expect(status(tab)).to_have_text(re.compile(r"^\d+ groups? in \d+ pictures"), timeout=60_000)


def test_names_that_are_no_text_can_be_shown():
    member = Member("/a/caf\udce9.png", 0.9, "same bytes", 4, 3, 100, 10**18)
    found = Duplicates([Group((member, member))], {"/b/\udcff.jpg": "broken"}, [], [], 2)
    page = duplicates._drawn(found, ["\udcfe.png"]).encode()
    assert all(part in page for part in (rb"caf\udce9.png", rb"\udcff.jpg", rb"\udcfe.png"))
