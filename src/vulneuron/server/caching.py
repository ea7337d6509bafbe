"""What a browser may keep."""

from collections.abc import Callable

from fastapi import Request, Response

from vulneuron.server.opened import OpenedRecord

_FOR_EVER = "private, max-age=31536000, immutable"
_ASK_FIRST = "private, no-cache"


def cached(request: Request, opened: OpenedRecord, make: Callable[[], Response]) -> Response:
    """Response for what stays the same as long as the record does.

    With the record's fingerprint as ``v`` in the URL the browser need not ask again. Otherwise it asks, and
    does not get the same content twice.
    """
    tag = f'"{opened.fingerprint}"'
    response = Response(status_code=304) if request.headers.get("if-none-match") == tag else make()
    known = request.query_params.get("v") == opened.fingerprint
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = _FOR_EVER if known else _ASK_FIRST
    return response
