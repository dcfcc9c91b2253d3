"""Work that overlaps: done ahead of who takes it, or behind who gives it."""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")
WAIT = 0.1  # seconds between looks whether anybody still wants it


class _End:
    """After the last item; with what went wrong, if anything did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item], depth: int = 4) -> Generator[Item, None, None]:
    """The same items, made on a thread of their own, at most `depth` ahead.

    What making them raises is raised here. The thread ends with the generator.
    """
    waiting: queue.Queue[Item | _End] = queue.Queue(depth)
    unwanted = threading.Event()

    def put(item: Item | _End) -> None:
        while not unwanted.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(item, timeout=WAIT)
                return

    def work() -> None:
        source = iter(items)
        try:
            for item in source:
                put(item)
                if unwanted.is_set():
                    break
            put(_End())
        except BaseException as error:
            put(_End(error))
        finally:
            if close := getattr(source, "close", None):
                close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        unwanted.set()
        thread.join()


class Behind(Generic[Item]):
    """A `with` block within which `add` hands items to `take` on another thread, in their order.

    At most `depth` wait. What `take` raises is raised by the next `add`, or at the end of the
    block, which waits until all are taken.
    """

    def __init__(self, take: Callable[[Item], object], depth: int = 4) -> None:
        self.take = take
        self.waiting: queue.Queue[Item | None] = queue.Queue(depth)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Behind[Item]":
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.waiting.put(None)
        self.thread.join()
        if self.error is not None and error is None:
            raise self.error

    def add(self, item: Item) -> None:
        """Hand over an item; waits while `depth` others do."""
        if self.error is not None:
            raise self.error
        self.waiting.put(item)

    def _work(self) -> None:
        while (item := self.waiting.get()) is not None:
            if self.error is None:  # after one, what comes is only taken away
                try:
                    self.take(item)
                except BaseException as error:
                    self.error = error
