import threading
import time

import pytest

from velatura.video.threads import Behind, ahead


def test_items_come_in_their_order():
    assert list(ahead(range(50), depth=2)) == list(range(50))


def test_what_making_them_raises_is_raised_where_they_are_taken():
    def broken():
        yield 1
        raise ValueError("broken")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_no_more_are_made_than_are_waited_for():
    made = []
    before = threading.active_count()

    def making():
        for k in range(1000):
            made.append(k)
            yield k

    items = ahead(making(), depth=2)
    next(items)
    items.close()
    assert len(made) < 10
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_all_are_taken_before_the_block_ends():
    taken = []
    with Behind(taken.append, depth=2) as line:
        for k in range(20):
            line.add(k)
    assert taken == list(range(20))


def test_what_taking_them_raises_ends_the_block():
    def take(item):
        raise OSError("full")

    def give():
        with Behind(take) as line:
            for k in range(20):
                line.add(k)

    with pytest.raises(OSError, match="full"):
        give()
