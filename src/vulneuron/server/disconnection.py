"""Ends long computations of requests that were aborted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event

from fastapi import Request

from vulneuron.engines import Watch


@asynccontextmanager
async def until_left(request: Request) -> AsyncIterator[Watch]:
    """Watch of a computation that is canceled when the client aborts its request.

    Parameters
    ----------
    request
        The request, whose body has been read.
    """
    left = Event()

    async def wait() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left.set()

    waiting = asyncio.create_task(wait())
    try:
        yield Watch(cancelled=left.is_set)
    finally:
        waiting.cancel()
