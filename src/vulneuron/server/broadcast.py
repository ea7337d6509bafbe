"""A value with many watchers, each of which gets the latest value when it is ready for it."""

import asyncio
from collections.abc import AsyncIterator
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """Latest value of something, published from any thread to watchers on any event loop.

    A slow watcher misses intermediate values, but never the last one.

    Parameters
    ----------
    value
        The first value.
    """

    def __init__(self, value: T) -> None:
        self.value = value
        self._closed = False
        self._watchers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = Lock()

    @property
    def watchers(self) -> int:
        """Number of current watchers."""
        return len(self._watchers)

    def publish(self, value: T) -> None:
        """Set the value and notify all watchers."""
        self.value = value
        self._wake()

    def close(self) -> None:
        """End all watches after the last value."""
        self._closed = True
        self._wake()

    async def watch(self) -> AsyncIterator[T]:
        """Yield the value, and newer ones until the broadcast is closed."""
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
