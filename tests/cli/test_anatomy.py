import os
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from velatura.anatomy import look


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(look, "STEPS", (2,))


class Page(HTMLParser):
    """Anchors, links to them, and everything that is fetched."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.sources = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors.add(found.get("id"))
        self.sources += [found[name] for name in ("src", "href") if name in found]
        if tag == "a":
            self.links.add(found["href"].removeprefix("#"))


def test_one_page_that_needs_nothing_else(velatura):
    done = velatura(
        *("anatomy", "photo.png", "-o", "seen", "--style", "painting.png"),
        *("--layers", "relu1_1,relu2_1", "--size", "64"),
    )
    assert done.returncode == 0, done.stderr
    text = (velatura.folder / "seen" / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.links
    assert page.links <= page.anchors
    assert all(source.startswith(("data:", "#")) for source in page.sources)
    assert not re.search(r"https?://", text)
    assert "how far" in text.lower()
    assert "<td>conv1_1</td><td>64</td><td>64×43</td><td>3×3</td>" in text
    assert "<td>conv5_4</td><td>512</td><td>4×2</td><td>252×252</td>" in text
    assert len(re.findall(r"<td>conv\d_\d</td>", text)) == 16
    for name in ("relu1_1-gram", "relu2_1-texture", "relu2_1-reconstruction"):
        with Image.open(velatura.folder / "seen" / f"{name}.png") as picture:
            assert picture.width > 30


def test_without_a_painting_the_page_speaks_of_none(velatura):
    done = velatura("anatomy", "photo.png", "-o", "seen", "--layers", "pool1", "--size", "48")
    assert done.returncode == 0, done.stderr
    text = (velatura.folder / "seen" / "index.html").read_text(encoding="utf-8")
    assert "photograph" in text
    assert "painting" not in text
    assert Page(text).links <= Page(text).anchors


def test_names_are_escaped(velatura):
    (velatura.folder / "photo.png").rename(velatura.folder / "<b>&.png")
    done = velatura("anatomy", "<b>&.png", "-o", "seen", "--layers", "relu1_1", "--size", "48")
    assert done.returncode == 0, done.stderr
    text = (velatura.folder / "seen" / "index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;.png" in text
    assert "<b>" not in text


def test_interrupted_it_shows_the_layers_that_are_done(velatura, monkeypatch):
    whole = look.look

    def stopped(network, layer, *rest):
        if layer == "relu2_1":
            raise KeyboardInterrupt
        return whole(network, layer, *rest)

    monkeypatch.setattr(look, "look", stopped)
    arguments = ("anatomy", "photo.png", "-o", "seen", "--size", "48", "--layers")
    done = velatura(*arguments, "relu1_1,relu2_1")
    assert done.returncode == 130
    assert "interrupted after 1 of 2 layers" in done.stderr
    text = (velatura.folder / "seen" / "index.html").read_text(encoding="utf-8")
    assert '<h2 id="relu1_1">' in text
    assert '<h2 id="relu2_1">' not in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("photo.png", "--layers", "relu9_9"), "expected a layer of VGG-19"),
        (("photo.png", "--size", "8"), "size: expected at least 32"),
        (("nothing.png",), "found nothing"),
        (("photo.png", "--style", "nothing.png"), "found nothing"),
        (("photo.png", "-o", "photo.png"), "it is an input"),
    ],
)
def test_bad_input_is_one_line(velatura, arguments, told):
    done = velatura("anatomy", "-o", "seen", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_layer_that_fails_is_named_and_the_others_are_shown(velatura, monkeypatch):
    whole = look.look

    def failing(network, layer, *rest):
        if layer == "relu1_1":
            raise MemoryError
        return whole(network, layer, *rest)

    monkeypatch.setattr(look, "look", failing)
    arguments = ("anatomy", "photo.png", "-o", "seen", "--size", "48", "--quiet", "--layers")
    done = velatura(*arguments, "relu1_1,relu2_1")
    assert done.returncode == 2
    assert done.stderr.startswith("velatura: relu1_1: out of memory")
    text = (velatura.folder / "seen" / "index.html").read_text(encoding="utf-8")
    assert '<h2 id="relu2_1">' in text
    assert '<h2 id="relu1_1">' not in text


def test_a_name_that_is_no_utf8_is_shown_as_far_as_it_can_be(velatura):
    name = os.fsdecode(b"caf\xe9.png")
    (velatura.folder / "photo.png").rename(velatura.folder / name)
    done = velatura("anatomy", name, "-o", "seen", "--layers", "relu1_1", "--size", "48")
    assert done.returncode == 0, done.stderr
    assert r"caf\udce9.png" in (velatura.folder / "seen" / "index.html").read_text(encoding="utf-8")
