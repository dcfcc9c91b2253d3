import threading
import time

import pytest

from velatura.errors import ImageError
from velatura.studio import jobs
from velatura.studio.jobs import Queue, Stopped


@pytest.fixture
def queue():
    made = Queue()
    yield made
    made.close()


def endless(job):
    """Work that keeps what it has when it is stopped."""
    count = 0
    try:
        while True:
            count += 1
            job.show(count)
    except Stopped:
        return count


def until_ended(job):
    for _ in range(400):
        if not job.wait(0.05):
            return job
    raise AssertionError("the job goes on")


def test_jobs_take_turns_and_know_their_place(queue):
    first, second, third = (queue.add(name, endless) for name in "abc")
    while first.news is None:
        first.wait(0.05)
    assert [queue.position(job) for job in (first, second, third)] == [0, 1, 2]
    queue.stop("a")
    assert until_ended(first).result > 0
    while second.news is None:
        second.wait(0.05)
    assert [queue.position(job) for job in (second, third)] == [0, 1]


def test_a_watcher_is_woken_no_more_often_than_it_asked(queue):
    job = queue.add("a", endless)
    began = time.monotonic()
    for _ in range(4):
        assert job.wait(0.05)
    assert time.monotonic() - began >= 0.2
    assert job.news > 4
    job.stop()
    assert until_ended(job).result > 4


def test_as_many_are_at_work_as_are_let():
    queue = Queue(at_once=2)
    together = threading.Barrier(2, timeout=10)
    found = [queue.add(name, lambda job: together.wait()) for name in "ab"]
    assert {until_ended(job).result for job in found} == {0, 1}
    queue.close()


def test_a_job_that_nobody_watches_ends(queue, monkeypatch):
    monkeypatch.setattr(jobs, "SECONDS_UNWATCHED", 0.1)
    job = queue.add("a", endless)
    job._told.acquire()
    job._told.wait_for(lambda: job.ended, timeout=10)
    job._told.release()
    assert job.ended
    assert job.result > 0


def test_a_tab_has_one_job(queue):
    first, second = queue.add("a", endless), queue.add("a", endless)
    assert until_ended(first).ended
    queue.stop("a")
    assert until_ended(second).ended


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ImageError("x.png: broken"), "x.png: broken"),
        (MemoryError(), "failed (out of memory; something smaller needs less)"),
    ],
)
def test_failures_are_told_and_the_next_job_goes_on(queue, raised, told):
    def failing(job):
        raise raised

    job = until_ended(queue.add("a", failing))
    assert (job.result, job.error) == (None, told)
    assert until_ended(queue.add("b", lambda job: "done")).result == "done"
