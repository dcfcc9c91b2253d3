"""The studio as a process of its own, and what a person does with its page."""

import contextlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

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
        end = time.monotonic() + 300
        while f"the studio is at {self.address}" not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return self.said.read_text()

    def end(self, sent: int = signal.SIGTERM) -> int:
        self.process.send_signal(sent)
        return self.process.wait(timeout=60)


def upload(page: Page, files: Path, *, steps: str = "2,2", size: int = 128) -> None:
    """Fill the form with small things."""
    page.set_input_files("#photograph input[type=file]", files / "photo.png")
    page.set_input_files("#paintings input[type=file]", files / "painting.png")
    expect(page.locator("#photograph img")).to_be_visible()
    expect(page.locator("#paintings img").first).to_be_visible()
    option(page, "size").fill(str(size))
    if not option(page, "steps").is_visible():
        page.get_by_role("button", name="Everything else").click()
    command = page.locator("#command textarea")
    for timeout in (5_000, 60_000):  # what is typed as a field is being drawn may not be heard
        option(page, "steps").fill("")
        option(page, "steps").fill(steps)
        with contextlib.suppress(AssertionError):
            expect(command).to_have_value(re.compile(f"--steps {steps}"), timeout=timeout)
            return
    pytest.fail(f"the command line does not follow the form: {command.input_value()}")


def option(page: Page, name: str, of: str = "option") -> Locator:
    return page.locator(f"#{of}-{name}").locator("input[type=number], textarea, input").first


def load(page: Page, address: str) -> None:
    """Load the studio's page and wait until it is drawn."""
    page.goto(address)
    expect(page.locator("#paint")).to_be_enabled()


def go_to(page: Page, name: str) -> None:
    """Show the page of that name; on a narrow screen its tab may be in a menu."""
    tab = page.get_by_role("tab", name=name, exact=True)
    menu = page.locator(".overflow-menu > button").first
    expect(tab.filter(visible=True).or_(menu.filter(visible=True)).first).to_be_visible()
    if tab.is_visible():
        tab.click()
        return
    menu.click()
    page.locator(".overflow-dropdown button", has_text=name).click()


def status(page: Page) -> Locator:
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
