"""Work that tabs of the studio have asked for: a queue, and threads that take from it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from velatura.errors import VelaturaError, in_one_line

SECONDS_UNWATCHED = 20.0  # after which nobody is thought to look any more


class Standing(NamedTuple):
    """How far work is, as it tells its job; a painting tells its steps instead."""

    text: str
    done: float  # share, from 0 to 1
    so_far: Any = None  # what is made already, if it can be shown


class Stopped(Exception):  # noqa: N818  it is no error
    """Raised inside a job's work when it is to end."""


class Job:
    """A piece of work: `work(job)` runs in a thread and tells `show` how it stands.

    Whoever watches calls `wait` again and again. A job that nobody has watched for a while, as
    its tab was closed, ends at its next `show`.
    """

    def __init__(self, work: Callable[["Job"], Any]) -> None:
        self.work = work
        self.news: Any = None  # what `show` was told last; None again when it has ended
        self.result: Any = None
        self.error = ""
        self.ended = False
        self._stopping = False
        self._watched = time.monotonic()
        self._told = threading.Condition()

    def show(self, news: Any = None) -> None:
        """Tell how the work stands. Raises Stopped if it is to end."""
        with self._told:
            self.news = news
            self._told.notify_all()
        if self._stopping or time.monotonic() - self._watched > SECONDS_UNWATCHED:
            raise Stopped

    def wait(self, seconds: float) -> bool:
        """Watch for `seconds`, or until the job has ended; return whether it goes on.

        News come as often as the work has any, which may be more often than a page can show.
        """
        with self._told:
            self._watched = time.monotonic()
            return not self._told.wait_for(lambda: self.ended, seconds)

    def stop(self) -> None:
        """Ask the work to end soon, keeping what there is."""
        self._stopping = True

    def run(self) -> None:
        """Do the work in this thread. Nothing is raised: `error` says what went wrong."""
        try:
            self.result = self.work(self)
        except Stopped:
            pass
        except VelaturaError as error:
            self.error = str(error)
        except Exception as error:  # out of memory, mostly; the server must go on
            self.error = f"failed ({in_one_line(error)})"
        finally:
            with self._told:
                self.ended = True
                self.news = None  # it may hold much memory, and whoever watched may be gone
                self._told.notify_all()


class Queue:
    """Jobs in the order they came, `at_once` of them at work."""

    def __init__(self, at_once: int = 1) -> None:
        self.at_once = at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="studio")
        self._waiting: list[Job] = []
        self._jobs: dict[str, Job] = {}  # the latest of each tab
        self._lock = threading.Lock()

    def add(self, owner: str, work: Callable[[Job], Any]) -> Job:
        """Queue `work` for `owner`, a tab; what the same tab had asked for before is stopped."""
        job = Job(work)
        with self._lock:
            if before := self._jobs.get(owner):
                before.stop()
            self._jobs[owner] = job
            self._waiting.append(job)
        self._threads.submit(self._take, job)
        return job

    def position(self, job: Job) -> int:
        """How many jobs come first, itself counted; 0 when it is at work or done."""
        with self._lock:
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def stop(self, owner: str) -> None:
        """Ask what `owner` is waiting for to end soon."""
        with self._lock:
            if job := self._jobs.get(owner):
                job.stop()

    def close(self) -> None:
        """Stop all jobs and wait until they have kept what there is."""
        with self._lock:
            for job in self._jobs.values():
                job.stop()
        self._threads.shutdown()

    def _take(self, job: Job) -> None:
        with self._lock:
            self._waiting.remove(job)
        job.run()
        with self._lock:
            self._jobs = {name: other for name, other in self._jobs.items() if other is not job}
