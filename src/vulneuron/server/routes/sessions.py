"""The state of a page, which a notebook can read and set."""

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
    """Return the state of a session's page, as the query of its URL."""
    return state.sessions[session].value


@router.put("/state")
def put_session(session: Session, body: SessionState, state: ServerState) -> SessionState:
    """Publish the state of a session's page, or change it."""
    state.sessions[session].publish(body)
    return body


@router.get("/events", response_class=EventSourceResponse)
async def follow_session(session: Session, state: ServerState) -> AsyncIterable[ServerSentEvent]:
    """Stream the state of a session's page: events `state` with a `SessionState`."""
    async for value in state.sessions[session].watch():
        yield ServerSentEvent(event="state", data=value)
