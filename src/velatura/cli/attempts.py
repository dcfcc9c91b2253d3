"""Work on one thing after another: what fails is named, and the rest is done."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from velatura.cli.progress import say
from velatura.errors import in_one_line

Thing = TypeVar("Thing")


class Batch(Generic[Thing]):
    """Goes through things until the work on one is interrupted.

    ```
    for photograph in batch:
        with batch.attempt(photograph):
            …
    return batch.end()
    ```
    """

    def __init__(self, things: Sequence[Thing], what: str) -> None:
        self.things, self.what = things, what
        self.done = 0
        self.failures: dict[str, str] = {}  # what was wrong with each that failed
        self.interrupted = False

    def __iter__(self) -> Iterator[Thing]:
        for thing in self.things:
            if self.interrupted:
                return
            yield thing

    @contextmanager
    def attempt(self, thing: object) -> Iterator[None]:
        """Any error inside is told with the name of `thing`, and no more.

        Raises KeyboardInterrupt where nothing is done so far.
        """
        try:
            yield
            self.done += 1
        except KeyboardInterrupt:
            if not self.done:
                raise
            self.interrupted = True
        except Exception as error:  # a picture may make any library fail in its own way
            name, told = str(thing), in_one_line(error)
            self.failures[name] = told.removeprefix(f"{name}: ")
            say(f"velatura: {name}: {self.failures[name]}")

    def end(self) -> int:
        """Say how many failed, or where it was interrupted; return the exit code."""
        total = len(self.things)
        if self.failures and total > 1:
            say(f"velatura: {len(self.failures)} of {total} {self.what} failed")
        if self.interrupted:
            say(f"velatura: interrupted after {self.done} of {total} {self.what}")
            return 130
        return 2 if self.failures else 0
