"""Run the program: inside this process for speed, or as a process of its own to interrupt it."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from velatura.cli.main import main


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Program:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        self.folder, self.capsys = folder, capsys

    def __call__(self, *arguments: str) -> Done:
        self.capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return Done(code, *self.capsys.readouterr())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return self._start("-W", "error", "-m", "velatura", *arguments)

    def start_python(self, code: str) -> subprocess.Popen[str]:
        return self._start("-c", code)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def velatura(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Program:
    """`velatura(...)` in a folder with photo.png and painting.png."""
    monkeypatch.chdir(files)
    return Program(files, capsys)
