"""Servers for tests: a served record, and clients that read arrays."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2 as httpx
import numpy as np
import numpy.typing as npt
from fastapi import FastAPI
from torch import nn

from vulneuron.analysis import Analysis
from vulneuron.server.access import Access
from vulneuron.server.app import create_app
from vulneuron.server.dependencies import State
from vulneuron.server.jobs import JobLimits, Jobs
from vulneuron.server.library import Library
from vulneuron.server.listening import listen
from vulneuron.server.maps_job import MapsProgress
from vulneuron.server.running import Server
from vulneuron.server.summary import OpenedLayer

TIMEOUT = 20.0
ERROR_KEYS = {"given", "allowed", "fix", "message"}


@dataclass(frozen=True)
class Served:
    """One record behind a server."""

    path: Path
    state: State
    client: httpx.Client

    @property
    def name(self) -> str:
        return next(iter(self.state.library)).id

    @property
    def opened(self) -> OpenedLayer:
        return self.state.library[self.name].current().at()

    @cached_property
    def truth(self) -> Analysis:
        """Reference for the server's responses; opened separately, with the same network."""
        return Analysis(self.path, self.opened.analysis.network.classifier)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"/api/records/{self.name}{path}", params=query)

    def array(self, path: str, **query: Any) -> npt.NDArray[Any]:
        return decoded(self.get(path, **query))


def decoded(response: httpx.Response) -> npt.NDArray[Any]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-npy"
    values: npt.NDArray[Any] = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert response.content[6:8] == b"\x01\x00"
    assert values.flags.c_contiguous
    return values


def below(page: str, path: str) -> httpx.URL:
    """URL of a path in the folder of a page."""
    url = httpx.URL(page)
    return url.copy_with(path=f"{url.path}{path}", query=None)


def assert_error(response: httpx.Response, status: int, *words: str) -> None:
    """The body that all errors have, in one line, without a traceback."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == ERROR_KEYS
    assert all(isinstance(text, str) and text and "\n" not in text for text in body.values())
    assert "Traceback" not in response.text
    for word in words:
        assert word in body["message"]


@contextmanager
def running_server(
    path: Path,
    model: str | nn.Module | None = None,
    *,
    access: Access | None = None,
    limits: JobLimits | None = None,
    maps_progress: Callable[..., MapsProgress] = MapsProgress,
    wait: bool = True,
    **options: Any,
) -> Iterator[Served]:
    """A record behind a real port, its network loaded if `wait`; further options are those of `Library`."""
    library = Library([path], model, **options)
    for record in library if wait else ():
        record.join()
    app = create_app(
        library,
        access=access or Access(),
        jobs=Jobs(limits),
        maps_progress=maps_progress,
        pages=path / "no pages",
    )
    with listening(app) as address, httpx.Client(base_url=address, timeout=TIMEOUT) as client:
        yield Served(path, app.state.server, client)


@contextmanager
def listening(app: FastAPI, port: int = 0) -> Iterator[str]:
    """The application behind a real port, in a thread; gives its address, without a slash at its end."""
    ready = Event()
    with listen("127.0.0.1", port) as bound:
        server = Server(app, started=ready.set, end_streams=app.state.server.end_streams)
        thread = Thread(target=server.run, args=([bound],))
        thread.start()
        try:
            assert ready.wait(TIMEOUT), "the server did not start"
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(TIMEOUT)
            app.state.server.close()
            assert not thread.is_alive()
