"""Sessions: what a page shows, shared with a notebook."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from served import Served
from vulneuron.server.dto import SessionState
from vulneuron.server.sessions import Sessions

STATE = "/api/sessions/note-1/state"


@pytest.fixture
def served(linear: Path, start: Callable[..., Served]) -> Served:
    return start(linear)


def states(response: httpx.Response) -> Iterator[str]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))["query"]


def test_state_is_what_was_put(served: Served) -> None:
    assert served.client.get(STATE).json() == {"query": ""}
    put = served.client.put(STATE, json={"query": "pair=12&neurons=4-9"})
    assert put.json() == {"query": "pair=12&neurons=4-9"}
    assert served.client.get(STATE).json() == put.json()
    assert served.client.get("/api/sessions/another/state").json() == {"query": ""}


def test_watchers_hear_of_it(served: Served) -> None:
    with served.client.stream("GET", "/api/sessions/note-1/events") as stream:
        heard = states(stream)
        assert next(heard) == ""
        for query in ("pair=1", "pair=2&neurons=0-3"):
            httpx.put(f"{served.client.base_url}{STATE}", json={"query": query})
            assert next(heard) == query
        served.state.sessions["note-1"].publish(SessionState(query="pair=3"))
        assert next(heard) == "pair=3"
        served.state.end_streams()
        assert list(heard) == ["pair=3"]
    assert served.state.sessions["note-1"].watchers == 0


def test_oldest_sessions_are_forgotten() -> None:
    sessions = Sessions()
    sessions["first"].publish(SessionState(query="a"))
    for number in range(300):
        sessions[f"session-{number}"].publish(SessionState(query="b"))
    assert sessions["first"].value.query == ""
    assert sessions["session-299"].value.query == "b"


def test_watchers_of_a_forgotten_session_are_let_go() -> None:
    sessions = Sessions(most=1)
    first = sessions["first"]
    assert sessions["second"].value.query == ""

    async def watched() -> list[str]:
        return [state.query async for state in first.watch()]

    assert asyncio.run(watched()) == [""]
