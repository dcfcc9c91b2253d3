import re

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from tests.studio.driver import go_to, load

from velatura.cli.main import build_parser
from velatura.images.io import read_settings
from velatura.superres.upscaler import Upscaler


def status(page):
    return page.locator("#upscale-status p")


def test_a_picture_is_enlarged_and_downloaded(phone, files, model):
    go_to(phone, "Upscale")
    phone.set_input_files("input[data-testid*='model of your own']", model)
    expect(status(phone)).to_have_text("Added plain.safetensors.")
    phone.set_input_files("#upscale-photograph input[type=file]", files / "photo.png")
    expect(phone.locator("#upscale-photograph img")).to_be_visible()
    phone.locator("#upscale-scale").get_by_label("2").check()
    line = phone.locator("#upscale-command textarea")
    expect(line).to_have_value(
        re.compile(r"photo\.png -o out\.png --scale 2 --model plain\.safetensors")
    )
    assert build_parser().parse_args(line.input_value().split()[1:]).scale == 2
    phone.locator("#upscale-start").click()
    expect(status(phone)).to_have_text(re.compile(r"Done, 192×128: photo-x2.*\.png"))
    expect(phone.locator("#upscale-compare img").first).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    with phone.expect_download() as download:
        phone.locator("#upscale-download").click()
    download.value.save_as(files / "large.png")
    settings = read_settings(files / "large.png")
    wanted = ["photo.png", "plain.safetensors", 2, "none"]
    found = [settings[name] for name in ("content", "model", "scale")]
    assert [*found, settings["upscale"]["licence"]] == wanted
    with Image.open(files / "large.png") as image:
        large = Upscaler(str(model), 2).upscale(files / "photo.png")
        assert np.array_equal(np.asarray(image), np.asarray(large))

    words = line.input_value()
    load(phone, phone.url)  # the page that made it is not drawn yet
    go_to(phone, "Gallery")
    phone.locator("#gallery button").first.click()
    expect(phone.locator("#gallery-settings .cm-content")).to_contain_text('"scale": 2')
    phone.locator("#again").click()
    expect(status(phone)).to_have_text(re.compile(r"As photo-x2.*\.png\."))
    expect(line).to_have_value(words)


def test_what_cannot_be_enlarged_is_told(tab, studio, files, style, model):
    go_to(tab, "Upscale")
    tab.set_input_files("input[data-testid*='model of your own']", model)
    expect(status(tab)).to_have_text("Added plain.safetensors.")
    tab.set_input_files("input[data-testid*='model of your own']", style)
    expect(status(tab)).to_have_text(re.compile("expected a model of architecture velatura-up"))
    assert not (studio.folder / "models" / style.name).exists()
    Image.new("RGB", (2600, 2600)).save(files / "large.png")
    tab.locator("#upscale-start").click()
    expect(status(tab)).to_have_text("Choose a picture first.")
    tab.set_input_files("#upscale-photograph input[type=file]", files / "large.png")
    expect(tab.locator("#upscale-photograph img")).to_be_visible()
    tab.locator("#upscale-start").click()
    told = re.compile(r"^large\.png: expected at most 40 million .* got 10400×10400")
    expect(status(tab)).to_have_text(told)
