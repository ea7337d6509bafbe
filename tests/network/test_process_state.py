"""Silence in one thread leaves the filters of warnings as they were."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from served import TIMEOUT
from vulneuron.network.process_state import quiet


def test_filters_are_restored_when_threads_overlap() -> None:
    inside, left = Event(), Event()

    def other() -> None:
        with quiet():
            inside.set()
            assert left.wait(TIMEOUT)

    before = list(warnings.filters)
    with ThreadPoolExecutor(1) as thread:
        with quiet():
            running = thread.submit(other)
            assert not inside.wait(0.1)
        left.set()
        running.result(TIMEOUT)
    assert warnings.filters == before
