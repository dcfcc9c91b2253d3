"""Run the program: inside this process for speed, or as a process of its own to interrupt it."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from velatura.cli.main import main


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Program:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        self.folder, self.capsys = folder, capsys
        self.started: list[subprocess.Popen[str]] = []

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
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background of a shell inherit that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.started.append(process)
        return process


@pytest.fixture
def velatura(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Program]:
    """`velatura(...)` in a folder with photo.png and painting.png."""
    monkeypatch.chdir(files)
    program = Program(files, capsys)
    yield program
    for process in program.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def ctrl_c_at_step(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[int], AbstractContextManager[None]]:
    """`with ctrl_c_at_step(3):` interrupts a training that is given `--log` as it logs step 3."""

    @contextmanager
    def interrupting(number: int) -> Iterator[None]:
        def interrupt(path: Path, step: Any) -> None:
            if step.number == number:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("velatura.cli.training._log", interrupt)
            yield

    return interrupting
