"""The studio as a process of its own, and a browser to use it with."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from velatura.cli.main import build_parser
from velatura.cli.options import config_from
from velatura.painting.config import StyleConfig


class Studio:
    """`velatura studio` in a folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.said = folder.with_suffix(".log")
        with self.said.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "velatura", "studio"),
                    *("--port", str(self.port), "--folder", str(folder), *arguments),
                ],
                stderr=log,
            )
        self.address = f"http://127.0.0.1:{self.port}/"
        end = time.monotonic() + 120
        while f"the studio is at {self.address}" not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return self.said.read_text()

    def end(self, sent: int = signal.SIGINT) -> int:
        self.process.send_signal(sent)
        return self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("studio") / "work")
    yield running
    assert running.end() == 0, running.log()
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that $CHROMIUM names."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.fail(
            "the studio's tests need Chromium: apt-get install chromium, or name one in $CHROMIUM"
        )
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


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
    page.goto(studio.address)
    expect(page.locator("#paint")).to_be_enabled()
    yield page
    context.close()
    outside = [url for url in asked if not url.startswith((studio.address, "data:", "blob:"))]
    assert not outside


def upload(page: Page, files: Path, *, steps: str = "2,2", size: int = 128) -> None:
    """Fill the form with small things."""
    page.set_input_files("#photograph input[type=file]", files / "photo.png")
    page.set_input_files("#paintings input[type=file]", files / "painting.png")
    expect(page.locator("#photograph img")).to_be_visible()
    expect(page.locator("#paintings img").first).to_be_visible()
    option(page, "size").fill(str(size))
    if not option(page, "steps").is_visible():
        page.get_by_role("button", name="Everything else").click()
    option(page, "steps").fill(steps)
    expect(page.locator("#command textarea")).to_have_value(re.compile(f"--steps {steps}"))


def option(page: Page, name: str):
    return page.locator(f"#option-{name}").locator("input[type=number], textarea, input").first


def status(page: Page):
    return page.locator("#status p")


def command_config(text: str) -> StyleConfig:
    """The settings that the command line shown on the page stands for."""
    words = shlex.split(text)
    assert words[:2] == ["velatura", "stylize"]
    return config_from(build_parser().parse_args(words[1:]))


def is_picture(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        picture.load()
        return picture.size
