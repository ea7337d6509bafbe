"""Which records there are, and what one holds."""

from fastapi import APIRouter

from vulneuron.server.dependencies import Opened, ServerState
from vulneuron.server.dto import RecordListing, RecordSummary
from vulneuron.server.problems import NAMED

router = APIRouter(prefix="/records", tags=["records"])


@router.get("", responses=NAMED)
def list_records(state: ServerState) -> list[RecordListing]:
    """List all records of this server."""
    return [record.listing() for record in state.library]


@router.get("/{record}")
def get_record(opened: Opened) -> RecordSummary:
    """Return all that the dashboard has to know before it draws."""
    return opened.summary.model_copy(update={"network": opened.network.status})
