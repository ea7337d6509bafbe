"""The list of records, and the summary of one. Each group of routes is a module."""

from fastapi import APIRouter

from vulneuron.server.dependencies import LayerInUrl, ServerState
from vulneuron.server.dto import RecordListing, RecordSummary
from vulneuron.server.problems import NAMED

router = APIRouter(prefix="/records", tags=["records"])


@router.get("", responses=NAMED)
def list_records(state: ServerState) -> list[RecordListing]:
    """List all records of this server."""
    return [record.listing() for record in state.library]


@router.get("/{record}")
def get_record(layer: LayerInUrl) -> RecordSummary:
    """Return everything that the dashboard needs before it draws."""
    return layer.summary.model_copy(update={"network": layer.network.status})
