"""Reading ahead on a thread: order, errors, and never a thread left behind."""

from __future__ import annotations

import gc
import signal
import threading
import traceback

import pytest

from lamina.training.data.prefetch import Prefetch


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lamina-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    assert not threads()
    yield
    gc.collect()
    assert not threads()


@pytest.mark.parametrize("prefetch", [0, 1, 2, 100])
def test_items_arrive_in_order_and_the_end_is_told_once(prefetch):
    ends = []
    items = Prefetch(iter(range(50)), prefetch, lambda: ends.append(threading.current_thread()))
    assert list(items) == list(range(50))
    assert list(items) == []
    assert ends == [threading.main_thread()]


def test_nothing_is_read_before_the_first_item_is_asked_for():
    read = []
    items = Prefetch((read.append(i) for i in range(3)), 2)
    assert read == []
    assert not threads()
    items.close()
    assert list(items) == []


def test_no_more_is_read_ahead_than_asked():
    read, go_on = [], threading.Semaphore(0)

    def source():
        for i in range(100):
            read.append(i)
            go_on.release()
            yield i

    with Prefetch(source(), 2) as items:
        assert next(items) == 0
        for _ in range(4):  # the one taken, two that wait, one that waits for room
            go_on.acquire(timeout=10)
        assert not go_on.acquire(timeout=0.2)
        assert read == [0, 1, 2, 3]


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_an_error_arrives_as_it_was_raised_after_the_items_before_it(prefetch, kind):
    error = kind("mine")

    def source():
        yield 1
        raise error

    items = Prefetch(source(), prefetch)
    assert next(items) == 1
    with pytest.raises(kind, match=r"mine") as caught:
        next(items)
    assert caught.value is error
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "raise error"
    assert list(items) == []


def test_closing_early_ends_the_thread():
    items = Prefetch(iter(range(10**9)), 2)
    next(items)
    assert len(threads()) == 1
    items.close()
    assert not threads()


def test_an_error_of_the_reader_ends_the_thread():
    def read():
        with Prefetch(iter(range(10**9)), 2) as items:
            for _ in items:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert not threads()


def test_an_abandoned_iterator_ends_its_thread():
    items = Prefetch(iter(range(10**9)), 2)
    next(items)
    del items
    gc.collect()
    assert not threads()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_an_interrupt_while_waiting_ends_the_thread():
    go_on = threading.Event()

    def source():
        yield 1
        go_on.wait(20)

    def interrupt(number, frame):
        go_on.set()
        raise KeyboardInterrupt

    items = Prefetch(source(), 2)
    next(items)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(items)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not threads()


def test_a_source_that_hangs_does_not_hang_the_reader(monkeypatch):
    monkeypatch.setattr("lamina.training.data.prefetch._JOIN_SECONDS", 0.05)
    hang = threading.Event()

    def source():
        yield 1
        hang.wait(20)

    items = Prefetch(source(), 2)
    next(items)
    items.close()
    left = threads()
    hang.set()
    for thread in left:
        assert thread.daemon
        thread.join(10)
