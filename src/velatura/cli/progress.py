"""Progress on stderr: a live bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from velatura.machine import is_first_process
from velatura.untrusted import printable

if TYPE_CHECKING:
    from velatura.painting.engine import Step

SECONDS_BETWEEN_LINES = 5.0
STAND_INS: dict[str, str] = {}
"""Paths of temporary files, and what to call them: for standard input and output `-`."""


def say(message: str) -> None:
    """A line on stderr, if there is one and somebody listens: telling must not stop the work."""
    if sys.stderr is not None:
        for path, name in STAND_INS.items():
            message = message.replace(path, name)
        with contextlib.suppress(OSError):
            print(printable(message), file=sys.stderr, flush=True)


def tell(line: str) -> None:
    """A line on stdout; what names and files hold does not steer the terminal."""
    print(printable(line))


class Progress:
    """Shows how far the work is, after a title; use it in a `with` block."""

    def __init__(self, quiet: bool = False, title: str = "") -> None:
        self.title = f"{printable(title)} " if title else ""
        self.quiet = quiet or not is_first_process()
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.last_line = time.monotonic()

    def __enter__(self) -> "Progress":
        if self.live and not self.quiet:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("{task.description}", markup=False),  # names may have brackets
                BarColumn(),
                TextColumn("{task.fields[status]}", markup=False),
                console=Console(stderr=True),
                transient=True,
            )
            self.task = self.bar.add_task(self.title or "looking", total=None, status="")
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.live and not self.quiet:
            self.bar.stop()

    def show(self, step: "Step") -> None:
        """Show where the painting stands."""
        height, width = step.scales[step.scale].size
        where = f"scale {step.scale + 1}/{len(step.scales)} {width}×{height}"
        if step.tiles > 1:
            where += f" in {step.tiles} tiles"
        status = f"step {step.number}/{step.total} {losses(step.terms)}"
        self.at(*step.visited, step.seconds, where, status)

    def at(self, done: float, total: float, seconds: float, where: str, status: str = "") -> None:
        """Show that so much of the work is done after so many seconds."""
        if self.quiet:
            return
        left = round(seconds / done * (total - done))
        status = f"{status} {left // 60}:{left % 60:02} left".lstrip()
        where = self.title + where
        if self.live:
            self.bar.update(
                self.task, description=where, total=total, completed=done, status=status
            )
            return
        now = time.monotonic()
        if now - self.last_line >= SECONDS_BETWEEN_LINES or done >= total:
            self.last_line = now
            say(f"{where} {status}")

    def say(self, message: str) -> None:
        """A line of its own."""
        if not self.quiet:
            say(message)


def losses(terms: dict[str, float]) -> str:
    """`content 0.29 style 0.28`: the terms, summed by kind."""
    from velatura.perception.losses import by_kind

    return " ".join(f"{kind} {value:.3g}" for kind, value in by_kind(terms).items())
