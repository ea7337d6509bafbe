"""Changes of the list of records: new and removed records in folders, and the progress of runs."""

import time
from collections.abc import AsyncIterator
from threading import Event, Lock, Thread

from starlette.concurrency import run_in_threadpool

from vulneuron.server import record_models
from vulneuron.server.broadcast import Broadcast
from vulneuron.server.library import Library


class ListingUpdates:
    """Compares the list of records with the files from time to time while it is watched.

    Parameters
    ----------
    library
        The records.
    least_seconds
        Shortest time between two comparisons.
    share
        Largest fraction of the time spent on comparisons.
    """

    def __init__(self, library: Library, *, least_seconds: float = 1.0, share: float = 0.05) -> None:
        self._library, self._least_seconds, self._share = library, least_seconds, share
        self._latest: Broadcast[list[record_models.RecordListing]] = Broadcast([])
        self._closing, self._lock = Event(), Lock()
        self._thread: Thread | None = None

    async def watch(self) -> AsyncIterator[list[record_models.RecordListing]]:
        """Yield the list now and after each change, until the updates are closed."""
        await run_in_threadpool(self._compare)
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._follow, name="list of records", daemon=True)
                self._thread.start()
        async for listings in self._latest.watch():
            yield listings

    def close(self) -> None:
        """End all watches."""
        self._closing.set()
        self._latest.close()

    def _follow(self) -> None:
        pause = self._least_seconds
        while not self._closing.wait(pause):
            if self._latest.watchers:
                start = time.monotonic()
                self._compare()
                pause = max(self._least_seconds, (time.monotonic() - start) / self._share)

    def _compare(self) -> None:
        listings = self._library.listings()
        if listings != self._latest.value:
            self._latest.publish(listings)
