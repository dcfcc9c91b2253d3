import re

from playwright.sync_api import expect
from tests.studio.driver import command_config, go_to, is_picture, option, status, upload

from velatura.images.io import read_settings
from velatura.painting.config import StyleConfig

MANY = "3000,3000"


def saved(page, folder):
    with page.expect_download() as download:
        page.locator("#download").click()
    path = folder / "downloaded.png"
    download.value.save_as(path)
    return path


def test_watch_it_stop_it_download_it_and_go_on(tab, studio, files):
    upload(tab, files, steps=MANY)
    option(tab, "strength").fill("0.7")
    option(tab, "strength").press("Enter")
    tab.locator("#paint").click()
    seen = set()
    picture = tab.locator("#preview img")
    while len(seen) < 3:
        expect(picture).not_to_have_attribute("src", sorted(seen)[-1] if seen else "")
        seen.add(picture.get_attribute("src"))
    expect(status(tab)).to_have_text(re.compile(r"Step \d+ of 6000, 48×32, .* left"))
    expect(tab.locator("#losses polyline").first).to_be_visible()
    tab.locator("#stop").click()
    expect(status(tab)).to_have_text(re.compile(r"Stopped after step \d+"))

    path = saved(tab, files)
    assert is_picture(path) == (96, 64)
    config = StyleConfig.from_dict(read_settings(path)["config"])
    assert config == StyleConfig(size=128, strength=0.7, steps=(3000, 3000))
    assert config == command_config(tab.locator("#command textarea").input_value())
    first = status(tab).inner_text().split(": ")[1]

    tab.get_by_role("tab", name="Before and after").click()
    expect(tab.locator("#compare img").first).to_be_visible()

    option(tab, "steps").fill("3")
    tab.locator("#go-on").click()
    expect(status(tab)).to_have_text(re.compile("Done, "))
    again = StyleConfig.from_dict(read_settings(saved(tab, files))["config"])
    assert again.init == first


def test_the_photograph_is_named_first(tab):
    tab.locator("#paint").click()
    expect(status(tab)).to_have_text("Choose a photograph first.")


def test_a_broken_upload_is_told_and_not_kept(tab, studio, files):
    (files / "broken.png").write_bytes((files / "photo.png").read_bytes()[:900])
    (files / "text.png").write_text("no picture")
    for name, told in (("broken.png", "cannot be read"), ("text.png", "expected an image")):
        tab.set_input_files("#photograph input[type=file]", files / name)
        expect(status(tab)).to_have_text(re.compile(f"{name}: .*{told}"))
        kept = [studio.folder / shelf for shelf in ("photographs", "paintings", "pictures")]
        assert not [path for folder in kept for path in folder.rglob(name)]
    expect(tab.locator("#photograph img")).to_have_count(0)
    tab.set_input_files("#paintings input[type=file]", files / "text.png")
    expect(status(tab)).to_have_text(re.compile("text.png: expected an image"))
    assert str(studio.folder) not in status(tab).inner_text()


def test_a_wrong_option_is_told_at_once_and_when_painting(tab, files):
    upload(tab, files)
    option(tab, "steps").fill("many")
    expect(tab.locator("#command textarea")).to_have_value(re.compile("steps: expected"))
    tab.locator("#paint").click()
    expect(status(tab)).to_have_text(re.compile("steps: expected .* got 'many'"))


def test_two_tabs_wait_for_each_other(tab, other_tab, files):
    for page, steps in ((tab, MANY), (other_tab, "2,2")):
        upload(page, files, steps=steps)
        page.locator("#paint").click()
        expect(status(page)).to_have_text(re.compile("Step|Waiting: number 1 in the queue"))
    expect(status(other_tab)).to_have_text(re.compile("number 1 in the queue"))
    tab.locator("#stop").click()
    expect(status(tab)).to_have_text(re.compile("Stopped after"))
    expect(status(other_tab)).to_have_text(re.compile("Done"))


def test_a_closed_tab_frees_its_job(tab, other_tab, files):
    upload(tab, files, steps=MANY)
    tab.locator("#paint").click()
    expect(status(tab)).to_have_text(re.compile("Step"))
    tab.close()
    upload(other_tab, files)
    other_tab.locator("#paint").click()
    expect(status(other_tab)).to_have_text(re.compile("Done"), timeout=60_000)


def test_a_recipe_and_samples_fill_the_form(tab):
    tab.locator(".shelf button").first.click()
    expect(tab.locator("#photograph img")).to_be_visible()
    tab.locator(".shelf").nth(1).locator("button").first.click()
    expect(tab.locator("#paintings img").first).to_be_visible()
    tab.locator("#recipe input").click()
    tab.get_by_role("option", name="single-layer").click()
    expect(option(tab, "size")).to_have_value("256")
    line = tab.locator("#command textarea")
    expect(line).to_have_value(re.compile("--recipe single-layer"))
    option(tab, "size").fill("64")
    expect(line).to_have_value(re.compile("-o out.png --recipe single-layer --size 64$"))


def test_on_a_phone_nothing_is_cut_off_and_nothing_moves(phone, files):
    upload(phone, files)
    boxes = [phone.locator(name) for name in ("#paint", "#preview", "#losses", "#command")]
    before = [box.bounding_box() for box in boxes]
    phone.locator("#paint").click()
    expect(status(phone)).to_have_text(re.compile("Done"))
    after = [box.bounding_box() for box in boxes]
    top = before[0]["y"] - after[0]["y"]  # the page may have been scrolled
    assert [box | {"y": box["y"] - top} for box in before] == after
    for name in ("Paint", "In one pass", "Upscale", "Duplicates", "Anatomy", "Gallery"):
        go_to(phone, name)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_is_enough(tab):
    tab.locator("#paint").focus()
    tab.keyboard.press("Enter")
    expect(status(tab)).to_have_text("Choose a photograph first.")
    parts = ["#photograph", "#paintings", ".shelf", "#recipe", "#option-strength", "#option-size"]
    parts += ["#paint", "#command"]
    tab.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        for part in parts:
            if tab.evaluate(f"document.activeElement.closest('{part}') !== null"):
                reached.add(part)
    assert reached == set(parts)
