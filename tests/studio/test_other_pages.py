import re

import pytest
from playwright.sync_api import expect
from tests.studio.driver import go_to, load, option, status, upload


@pytest.fixture
def painted(tab, files):
    """The name of a picture that was just painted."""
    upload(tab, files, steps="2,1", size=64)
    tab.locator("#paint").click()
    expect(status(tab)).to_have_text(re.compile("Done"))
    return status(tab).inner_text().split(": ")[1]


def test_the_gallery_shows_settings_and_makes_it_again(tab, painted):
    load(tab, tab.url)
    go_to(tab, "Gallery")
    tab.locator("#gallery button").first.click()
    expect(tab.locator("#gallery-picture img")).to_be_visible()
    shown = tab.locator("#gallery-settings .cm-content")
    expect(shown).to_contain_text('"content": "photo.png"')
    tab.locator("#again").click()
    expect(status(tab)).to_have_text(f"As {painted}.")
    expect(option(tab, "size")).to_have_value("64")
    expect(tab.locator("#photograph img")).to_be_visible()
    expect(tab.locator("#paintings img").first).to_be_visible()
    expect(tab.locator("#command textarea")).to_have_value(
        "velatura stylize photo.png painting.png -o out.png --size 64 --steps 2,1"
    )


def test_files_that_are_no_pictures_empty_no_shelf(tab, studio):
    odd = [studio.folder / name for name in ("photographs/desktop.ini", "pictures/cut.png")]
    try:
        for path in odd:
            path.write_bytes(b"\x89PNG\r\n\x1a\n[.ShellClassInfo]")
        load(tab, tab.url)
        for page in ("Paint", "In one pass", "Upscale"):
            go_to(tab, page)
            expect(tab.locator(".shelf img").filter(visible=True).first).to_be_visible()
    finally:
        for path in odd:
            path.unlink()


def test_the_network_can_be_looked_into(tab, studio, files):
    go_to(tab, "Anatomy")
    tab.set_input_files("#anatomy-photograph input[type=file]", files / "photo.png")
    expect(tab.locator("#anatomy-photograph img")).to_be_visible()
    tab.locator("#anatomy-size input").fill("4800")
    tab.locator("#anatomy-start").click()
    expect(tab.locator("#anatomy-status p")).to_have_text(re.compile("expected at most 1024"))
    tab.locator("#anatomy-size input").fill("48")
    for layer in ("relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        tab.locator("#anatomy-layers").get_by_label(layer).uncheck()
    tab.locator("#anatomy-start").click()
    expect(tab.locator("#anatomy-status p")).to_have_text(re.compile("Done"), timeout=60_000)
    page = tab.frame_locator("iframe.sheet")
    expect(page.get_by_role("heading", name="relu1_1")).to_be_visible()
    assert (studio.folder / "pictures" / "photo-anatomy.html").is_file()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(tab, studio, scheme):
    tab.emulate_media(color_scheme=scheme)
    tab.goto(studio.address)
    tab.locator("#paint").click()
    expect(status(tab)).to_have_text("Choose a photograph first.")
    for selector in ("#status p", "#recipe span", "#preview p", "#command textarea"):
        colors = tab.locator(selector).first.evaluate(
            """element => {
                let under = element;
                const paint = node => getComputedStyle(node).backgroundColor;
                while (under.parentElement && /, 0\\)$|transparent/.test(paint(under)))
                    under = under.parentElement;
                return [getComputedStyle(element).color, paint(under)];
            }"""
        )
        assert contrast(*colors) >= 4.5, (selector, colors)


def contrast(*colors):
    """The ratio of WCAG 2 between two CSS colours."""

    def luminance(color):
        channels = [float(part) / 255 for part in re.findall(r"[\d.]+", color)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(luminance, colors))
    return (high + 0.05) / (low + 0.05)
