"""The report in a browser."""

import shlex

import pytest
from playwright.sync_api import expect

from velatura.duplicates.find import Duplicates
from velatura.duplicates.grouping import Group, Member
from velatura.duplicates.report import write_report

GROUPS = 90  # more than are drawn at once


@pytest.fixture(params=[(1250, 900), (390, 844)], ids=["desk", "phone"])
def page(browser, library, tmp_path, request):
    """A report of GROUPS pairs, open; it may ask for nothing."""
    whys = ["same bytes", "near-identical, flipped", "seen alike by the network"]
    found = []
    for number in range(GROUPS):
        best = Member(str(library / "cat.png"), 1.0, "the best", 320, 213, 9000, 10**18)
        copy = f"/photos/copy {number}.jpg"
        other = Member(copy, round(1 - number / 1000, 3), whys[number % 3], 160, 106, 1000, 10**18)
        found.append(Group((best._replace(path=f"{best.path}#{number}"), other)))
    found[0] = Group((best, found[0].members[1]))
    best, other = found[1].members
    found[1] = Group((best, other, other._replace(path="/photos/it's", stays="protected")))
    write_report(tmp_path / "out.html", Duplicates(found, {}, [], [], 2 * GROUPS))
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height},
        permissions=["clipboard-read", "clipboard-write"],
    )
    tab = context.new_page()
    asked, errors = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto((tmp_path / "out.html").as_uri())
    yield tab
    context.close()
    assert not errors
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_groups_are_drawn_as_one_scrolls_two_pictures_side_by_side(page):
    assert page.locator("section").count() < GROUPS
    one, other = (page.locator("figure").nth(number).bounding_box() for number in (0, 1))
    assert one["y"] == other["y"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture = page.locator("figure img").first.bounding_box()
    assert picture["width"] / picture["height"] == pytest.approx(320 / 213, rel=0.02)
    for _ in range(10):
        page.keyboard.press("End")
        page.wait_for_timeout(50)
    expect(page.locator("section")).to_have_count(GROUPS)


def test_what_is_filtered_is_selected_and_copied(page):
    page.fill("#text", "COPY 7")
    expect(page.locator("#count")).to_contain_text(f"11 of {GROUPS} groups")  # 7 and 70 to 79
    page.select_option("#why", "near-identical")
    expect(page.locator("#count")).to_contain_text("5 of")  # 7, 70, 73, 76, 79
    page.evaluate("document.getElementById('least').value = 0.93")
    page.dispatch_event("#least", "input")
    expect(page.locator("#count")).to_contain_text("2 of")
    page.click("#choose")
    expect(page.locator("#copy")).to_have_text("Copy paths of the 2 selected")
    page.click("#copy")
    expect(page.locator("#told")).to_have_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "/photos/copy 7.jpg\n/photos/copy 70.jpg"
    page.click("#clear")
    expect(page.locator("#copy")).to_be_disabled()


def test_what_is_to_stay_is_not_selected(page):
    page.fill("#text", "it's")
    expect(page.locator("#count")).to_contain_text("1 pictures beside the best")
    expect(page.locator("figure").nth(2)).to_contain_text("near-identical, flipped, protected")
    page.click("#choose")
    page.click("#copy")
    assert page.evaluate("navigator.clipboard.readText()") == "/photos/copy 1.jpg"


def test_two_that_are_no_match_are_copied_as_an_option(page):
    expect(page.locator("#apart")).to_be_disabled()
    page.fill("#text", "it's")
    page.locator("figure input").nth(1).check()
    page.locator("figure input").nth(2).check()
    page.click("#apart")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert shlex.split(copied) == ["--no-match", "/photos/copy 1.jpg", "/photos/it's"]


def test_paths_are_shown_where_the_clipboard_is_closed(page):
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.locator("figure input").nth(1).check()
    page.click("#copy")
    expect(page.locator("#list")).to_have_value("/photos/copy 0.jpg")
    expect(page.locator("#list")).to_be_visible()
