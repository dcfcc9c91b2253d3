"""Ctrl-C and polite kills, so that what is made by then is kept."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Keeping:
    """A `with` block in which what was made is not lost to a second Ctrl-C.

    The first signal raises KeyboardInterrupt. From then on, or from `hold`, others are noted in
    `came` and no more, until `release` or the end of the outermost block.
    """

    def __init__(self) -> None:
        self.came = False
        self._held = False
        self._depth = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Keeping":
        self._depth += 1
        if self._depth > 1:
            return self
        self.came = self._held = False
        if threading.current_thread() is threading.main_thread():
            for name in SIGNALS:
                number = getattr(signal, name, None)
                # Under nohup, SIGHUP is ignored on purpose; other handlers are not Python's.
                if number and signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth:
            self._held = self.came
            return
        while self._before:
            signal.signal(*self._before.popitem())

    def hold(self) -> None:
        """Let signals wait: what comes now is to be done whole."""
        self._held = True

    def release(self) -> None:
        """Let the next signal raise KeyboardInterrupt, whatever came before."""
        self._held = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        waits, self.came = self._held, True
        self._held = True
        if not waits:
            raise KeyboardInterrupt


KEEPING = Keeping()  # signals are the process's, and so is this
