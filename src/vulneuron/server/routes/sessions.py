"""What a page shows: a notebook reads it and sets it."""

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.sse import EventSourceResponse, ServerSentEvent

from vulneuron.server.dependencies import ServerState
from vulneuron.server.dto import SessionState

Session = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Name of a session.")]

router = APIRouter(prefix="/sessions/{session}", tags=["sessions"])


@router.get("/state")
def get_session(session: Session, state: ServerState) -> SessionState:
    """Return what the page of a session shows, as the query of its URL."""
    return state.sessions[session].value


@router.put("/state")
def put_session(session: Session, body: SessionState, state: ServerState) -> SessionState:
    """Say what the page of a session shows, or shall show."""
    state.sessions[session].publish(body)
    return body


@router.get("/events", response_class=EventSourceResponse)
async def follow_session(session: Session, state: ServerState) -> AsyncIterable[ServerSentEvent]:
    """Stream what the page of a session shows: events `state` with a `SessionState`."""
    async for value in state.sessions[session].watch():
        yield ServerSentEvent(event="state", data=value)
