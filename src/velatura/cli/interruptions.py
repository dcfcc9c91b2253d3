"""Ctrl-C and polite kills, so that what is made by then is kept."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Interruptions:
    """A `with` block in which what was made is not lost to a second Ctrl-C.

    The first signal raises KeyboardInterrupt. From then on, or from `hold`, others are noted in
    `came` and no more, until `release`, or to the end of the command if one came.
    """

    def __init__(self) -> None:
        self.came = False
        self._held = False
        self._depth = 0

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Take what signals ask for a while; outside of the blocks each one raises."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        # Under nohup, SIGHUP is ignored on purpose.
        before = {n: handler for n, handler in before.items() if handler is not signal.SIG_IGN}
        in_main = threading.current_thread() is threading.main_thread()
        if not in_main or self._handle in before.values():
            yield
            return
        self.came, self._held, self._depth = False, False, 0
        try:
            for number in before:
                signal.signal(number, self._handle)
            yield
        finally:
            for number, handler in before.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, handler)

    def end(self) -> None:
        """Ignore signals from now on: the command is done, and its exit code is known."""
        for number in SIGNALS:
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_IGN)

    def __enter__(self) -> "Interruptions":
        self._depth += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        self._held = self.came

    def hold(self) -> None:
        """Let signals wait: what comes now is to be done whole."""
        self._held = True

    def release(self) -> None:
        """Let the next signal raise KeyboardInterrupt, whatever came before."""
        self._held = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        if not self._held:
            self._held = self._depth > 0
            raise KeyboardInterrupt


INTERRUPTIONS = Interruptions()  # signals are the process's, and so is this
