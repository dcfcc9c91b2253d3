"""The checkpoint of a painting: a folder with its job and its state."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.errors import VelaturaError
from velatura.files import cannot_write
from velatura.machine import is_first_process
from velatura.session.job import FILE_NAME, Job

if TYPE_CHECKING:
    from velatura.painting.checkpoint import State
    from velatura.painting.engine import Step

STATE = "state.safetensors"
SECONDS_BETWEEN = 30.0
SHARE = 10  # of the time, writing takes at most one part in so many


class Checkpoint:
    """Keeps what a painting needs to go on in `folder`, every `seconds_between` seconds.

    A file that cannot be written does not end the painting: `on_error` is called with its path and
    the error; without it the error is raised. Of several processes the first writes.
    """

    def __init__(
        self,
        folder: Path,
        seconds_between: float = SECONDS_BETWEEN,
        on_error: Callable[[Path, Exception], object] | None = None,
    ) -> None:
        self.folder, self.seconds_between, self.on_error = folder, seconds_between, on_error
        self._writes = is_first_process()
        self._due = time.monotonic() + seconds_between

    @property
    def is_unfinished(self) -> bool:
        """Whether there is a painting to go on with."""
        return (self.folder / STATE).exists()

    def begin(self, job: Job) -> Job:
        """The job as it is to be painted, so that it can go on here with the same tiles.

        Raises ConfigError if the folder holds another painting, CheckpointError if a damaged one.
        """
        if self.is_unfinished:
            return job.resumed(self.folder)
        job = _with_memory_fixed(job)
        if self._writes:
            self._write(FILE_NAME, lambda path: job.save(path.parent))
        return job

    def state(self) -> "State | None":
        """The state to go on from, if one was written."""
        from velatura.painting import checkpoint

        return checkpoint.load(self.folder / STATE) if self.is_unfinished else None

    def add(self, step: "Step") -> None:
        """Look at a step; write its state if it is time."""
        if time.monotonic() < self._due or step.number == step.total:
            return
        began = time.monotonic()
        self.write(step)
        spent = time.monotonic() - began
        self._due = time.monotonic() + max(self.seconds_between, SHARE * spent)

    def write(self, step: "Step") -> None:
        """Write the state of a step, before the next one is taken."""
        from velatura.painting import checkpoint

        if self._writes and (self.folder / FILE_NAME).exists():
            self._write(STATE, lambda path: checkpoint.save(path, step.state()))

    def clear(self) -> None:
        """Leave nothing behind of a painting that is done."""
        if self._writes:
            for name in (STATE, FILE_NAME):
                (self.folder / name).unlink(missing_ok=True)

    def _write(self, name: str, write: Callable[[Path], object]) -> None:
        path = self.folder / name
        try:
            write(path)
        except Exception as error:  # whatever it is, the picture is worth more
            told = error if isinstance(error, VelaturaError) else cannot_write(path, error)
            if self.on_error is None:
                raise told from error
            self.on_error(path, told)


def _with_memory_fixed(job: Job) -> Job:
    """Name the memory that is free now, so that a resumed painting has the same tiles."""
    from velatura.painting.memory import limit_bytes
    from velatura.perception.devices import pick_device

    limit = limit_bytes(job.bounded.memory, pick_device(job.config.device))
    return dataclasses.replace(job, memory=f"{limit / 1e6:.0f}MB")
