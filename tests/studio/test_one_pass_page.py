import re
import zipfile

import pytest
from playwright.sync_api import expect
from tests.studio.driver import go_to, is_picture, load, option

from velatura.cli.main import build_parser
from velatura.images.io import read_settings


def status(page):
    return page.locator("#pass-status p")


@pytest.fixture
def fill(files, style):
    """Fill a tab's form with a style of one's own and photographs."""

    def fill(page, *names):
        go_to(page, "In one pass")
        if page.locator("#pass-style input").input_value() != style.name:
            page.set_input_files("input[data-testid*='style of your own']", style)
            expect(status(page)).to_have_text(f"Added {style.name}.")
        expect(page.locator("#pass-card")).to_have_text("Noise, none")
        page.set_input_files("#pass-photographs input[type=file]", [files / name for name in names])
        expect(page.locator("#pass-photographs img")).to_have_count(len(names))
        option(page, "size", "pass").fill("48")
        expect(page.locator("#pass-command textarea")).to_have_value(re.compile("--size 48"))

    return fill


def saved(page, folder):
    with page.expect_download() as download:
        page.locator("#pass-download").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_paint_mix_and_download(tab, studio, files, fill):
    fill(tab, "photo.png")
    tab.locator("#pass-start").click()
    expect(status(tab)).to_have_text(re.compile(r"Done: photo-noise.*\.png"))
    name = status(tab).inner_text().split(": ")[1]
    full = tab.locator("#pass-preview img").nth(1)
    assert full.evaluate("image => getComputedStyle(image).opacity") == "1"
    shown = tab.locator("#pass-preview").screenshot()
    (kept,) = studio.folder.glob(f"uploads/scratch-*/{name}")
    painted_at = kept.stat().st_mtime_ns

    option(tab, "strength", "pass").fill("0.4")
    option(tab, "strength", "pass").press("Enter")
    assert full.evaluate("image => getComputedStyle(image).opacity") == "0.4"  # at once
    assert tab.locator("#pass-preview").screenshot() != shown
    expect(status(tab)).to_have_text(f"Written at strength 0.4: {name}")
    assert kept.stat().st_mtime_ns == painted_at  # the network had no part in it

    path = saved(tab, files)
    assert is_picture(path) == (48, 32)
    settings = read_settings(path)
    words = tab.locator("#pass-command textarea").input_value().split()
    assert words[:3] == ["velatura", "fast", "apply"]
    given = build_parser().parse_args(words[1:])
    assert (given.style, given.size, given.strength) == ("noise.safetensors", 48, 0.4)
    assert [settings[name] for name in ("content", "style", "size", "strength", "colors")] == [
        "photo.png",
        "noise.safetensors",
        48,
        0.4,
        "style",
    ]

    load(tab, tab.url)  # the page that made it is not drawn yet
    go_to(tab, "Gallery")
    tab.locator("#gallery button").first.click()
    expect(tab.locator("#gallery-settings .cm-content")).to_contain_text('"strength": 0.4')
    tab.locator("#again").click()
    expect(status(tab)).to_have_text(f"As {name}.")
    expect(option(tab, "strength", "pass")).to_have_value("0.4")
    expect(tab.locator("#pass-command textarea")).to_have_value(" ".join(words))


@pytest.fixture
def hold(tab):
    """Hold back the next requests, so many of them; what is returned lets them go."""

    def hold(count):
        held = []
        tab.route(
            "**/queue/join*",
            lambda route: held.append(route) if len(held) < count else route.continue_(),
        )

        def let_go():
            assert len(held) == count
            for route in held:
                route.continue_()
            tab.wait_for_timeout(1000)

        return let_go

    return hold


def test_the_command_line_is_of_the_last_change_whichever_request_comes_first(tab, fill, hold):
    fill(tab, "photo.png")
    let_go = hold(1)
    with tab.expect_request("**/queue/join*"):
        option(tab, "size", "pass").fill("47")
    option(tab, "size", "pass").fill("49")
    tab.wait_for_timeout(1000)
    let_go()
    expect(tab.locator("#pass-command textarea")).to_have_value(re.compile("--size 49"))


def test_a_style_stays_chosen_however_late_the_page_learns_which_there_are(tab, fill, hold):
    let_go = hold(3)  # what the shelves and lists of three pages hold
    load(tab, tab.url)
    fill(tab, "photo.png")
    let_go()
    expect(tab.locator("#pass-style input")).to_have_value("noise.safetensors")
    expect(tab.locator("#pass-command textarea")).to_have_value(re.compile("noise.safetensors"))


def test_a_batch_is_downloaded_in_one_file(tab, files, fill):
    fill(tab, "photo.png", "painting.png")
    tab.locator("#pass-start").click()
    expect(status(tab)).to_have_text("Done, 2 of 2 photographs")
    expect(tab.locator("#pass-pictures img")).to_have_count(2)
    seen = tab.locator("#pass-preview img").nth(1).get_attribute("src")
    tab.locator("#pass-pictures button").first.click()
    expect(tab.locator("#pass-preview img").nth(1)).not_to_have_attribute("src", seen)
    with zipfile.ZipFile(saved(tab, files)) as packed:
        names = packed.namelist()
        packed.extractall(files / "unpacked")
    assert [name.split("-")[0] for name in names] == ["photo", "painting"]
    assert {read_settings(files / "unpacked" / name)["style"] for name in names} == {
        "noise.safetensors"
    }


def test_broken_styles_and_photographs_are_told_and_not_kept(tab, studio, files, style):
    go_to(tab, "In one pass")
    (files / "half.safetensors").write_bytes(style.read_bytes()[:5000])
    (files / "text.safetensors").write_text("no style")
    for name in ("half.safetensors", "text.safetensors"):
        tab.set_input_files("input[data-testid*='style of your own']", files / name)
        expect(status(tab)).to_have_text(re.compile(f"^{name}: expected a model file"))
        assert not (studio.folder / "styles" / name).exists()
    (files / "broken.png").write_bytes((files / "photo.png").read_bytes()[:900])
    tab.set_input_files("#pass-photographs input[type=file]", files / "broken.png")
    expect(status(tab)).to_have_text(re.compile("^broken.png: cannot be read"))
    expect(tab.locator("#pass-photographs img")).to_have_count(0)
    tab.locator("#pass-start").click()
    expect(status(tab)).to_have_text("Choose a photograph first.")


def test_on_a_phone_it_fits_and_nothing_moves(phone, fill):
    fill(phone, "photo.png")
    boxes = [phone.locator(f"#pass-{name}") for name in ("start", "preview", "download", "command")]
    before = [box.bounding_box() for box in boxes]
    phone.locator("#pass-start").click()
    expect(status(phone)).to_have_text(re.compile("Done"))
    after = [box.bounding_box() for box in boxes]
    top = before[0]["y"] - after[0]["y"]  # the page may have been scrolled
    assert [box | {"y": box["y"] - top} for box in before] == after
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
