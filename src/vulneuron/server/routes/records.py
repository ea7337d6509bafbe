"""The list of records, and the summary of one. Each group of routes is a module."""

from collections.abc import AsyncIterable

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from vulneuron.server.dependencies import LayerInUrl, ServerState
from vulneuron.server.problems import NAMED
from vulneuron.server.record_models import RecordListing, RecordSummary

router = APIRouter(tags=["records"])


@router.get("/records", responses=NAMED)
def list_records(state: ServerState) -> list[RecordListing]:
    """List all records of this server, those that cannot be opened included."""
    return state.library.listings()


# Below another path, because a record may be named "events".
@router.get("/listings/events", response_class=EventSourceResponse)
async def follow_records(state: ServerState) -> AsyncIterable[ServerSentEvent]:
    """Stream the list of records: events `records` with a list of `RecordListing`, one for each change."""
    async for listings in state.listings.watch():
        yield ServerSentEvent(event="records", data=listings)


@router.get("/records/{record}")
def get_record(layer: LayerInUrl) -> RecordSummary:
    """Return everything that the dashboard needs before it draws."""
    return layer.summary.model_copy(update={"network": layer.network.status})
