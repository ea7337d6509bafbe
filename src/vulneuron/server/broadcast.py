"""A value that many watch: each watcher gets the latest one as soon as it can take it."""

import asyncio
from collections.abc import AsyncIterator
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """Latest value of something, published from any thread to watchers on any event loop.

    A watcher that is slow misses values in between, never the last one.

    Parameters
    ----------
    value
        The first one.
    """

    def __init__(self, value: T) -> None:
        self.value = value
        self._closed = False
        self._watchers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = Lock()

    @property
    def watchers(self) -> int:
        """How many watch at the moment."""
        return len(self._watchers)

    def publish(self, value: T) -> None:
        """Hand a value to all watchers."""
        self.value = value
        self._wake()

    def close(self) -> None:
        """Hand the last value to all watchers, and let them go."""
        self._closed = True
        self._wake()

    async def watch(self) -> AsyncIterator[T]:
        """Yield the value, and each that follows, until the broadcast is closed."""
        changed = asyncio.Event()
        changed.set()
        with self._lock:
            self._watchers[changed] = asyncio.get_running_loop()
        try:
            last = False
            while not last:
                await changed.wait()
                changed.clear()
                last = self._closed
                yield self.value
        finally:
            with self._lock:
                del self._watchers[changed]

    def _wake(self) -> None:
        with self._lock:
            for changed, loop in self._watchers.items():
                loop.call_soon_threadsafe(changed.set)
