"""The download of a static report."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from vulneuron.server.dependencies import LayerInUrl
from vulneuron.server.dto import NumberText
from vulneuron.server.jobs import lower_priority
from vulneuron.server.parsing import parse_numbers
from vulneuron.server.problems import ERRORS
from vulneuron.server.report.contents import ReportContents
from vulneuron.server.report.writing import zipped_report
from vulneuron.server.summary import MOST_REPORT_PAIRS

router = APIRouter(prefix="/api/records/{record}", responses=ERRORS)


# A link to a file, which the front end does not read. So it is not part of the schema.
@router.get("/report.zip", include_in_schema=False)
def get_report(
    layer: LayerInUrl, pairs: Annotated[NumberText, Query()], findings: bool = False
) -> StreamingResponse:
    """Return the dashboard of some pairs as files that need no server, while they are being made."""
    numbers = parse_numbers(pairs, name="pair", count=layer.analysis.data.count, most=MOST_REPORT_PAIRS)
    contents = ReportContents(layer, layer.analysis.order_pairs("l2_up", numbers), findings=findings)
    headers = {
        "Content-Disposition": f'attachment; filename="{layer.id}-report.zip"',
        "Cache-Control": "no-store",
    }
    pieces = _in_background(zipped_report(contents, layer.id))
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


def _in_background(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Make the pieces in a thread of low priority, one ahead of the reader, until the reader leaves."""
    with ThreadPoolExecutor(1, "report", lower_priority) as thread:
        following = thread.submit(next, pieces, None)
        while (piece := following.result()) is not None:
            following = thread.submit(next, pieces, None)
            yield piece
