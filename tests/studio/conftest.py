"""A studio, a browser and tabs in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.studio.driver import Studio, load

from velatura.fast.network import StyleNetwork
from velatura.fast.styles import Style, save
from velatura.studio.folder import Folder
from velatura.superres import models
from velatura.superres.network import UpscaleNetwork

expect.set_options(timeout=30_000)  # a busy machine is no failure


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("served") / "work")
    yield running
    assert running.end() == 0, running.log()
    # A tab that leaves early makes Gradio raise; that passes through the guard.
    ours = re.findall(r"velatura/studio/.*\n(?!\s+await (?:self\.app|send)\()", running.log())
    assert not ours, running.log()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "work")
    yield made
    made.close()


@pytest.fixture
def tab(browser: Browser, studio: Studio) -> Iterator[Page]:
    """The page, open; nothing but the studio may be asked for anything."""
    yield from _tab(browser, studio, {"width": 1280, "height": 900})


@pytest.fixture
def other_tab(browser: Browser, studio: Studio) -> Iterator[Page]:
    yield from _tab(browser, studio, {"width": 1280, "height": 900})


@pytest.fixture
def phone(browser: Browser, studio: Studio) -> Iterator[Page]:
    yield from _tab(browser, studio, {"width": 390, "height": 844})


def _tab(browser: Browser, studio: Studio, viewport: dict[str, int]) -> Iterator[Page]:
    asked: list[str] = []
    context = browser.new_context(viewport=viewport, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("request", lambda request: asked.append(request.url))
    load(page, studio.address)
    yield page
    context.close()
    outside = [url for url in asked if not url.startswith((studio.address, "data:", "blob:"))]
    assert not outside


@pytest.fixture(scope="session")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style that nobody trained, so that it changes every pixel and means nothing."""
    path = tmp_path_factory.mktemp("style") / "noise.safetensors"
    save(path, Style(StyleNetwork(2).eval(), {"painting": "Noise", "licence": "none"}))
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that nobody trained: nearly a plain enlargement."""
    path = tmp_path_factory.mktemp("model") / "plain.safetensors"
    models.save(path, models.UpscaleModel(UpscaleNetwork(2).eval(), {"licence": "none"}))
    return path
