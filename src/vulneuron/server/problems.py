"""Errors of requests: one body for all, each with its own status."""

import logging
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vulneuron.errors import Cancelled, ModelError, RecordError, SavedConflictError, VulneuronError
from vulneuron.server.dto import ErrorBody

_LONGEST_INPUT = 60
log = logging.getLogger("vulneuron.server")


class Problem(VulneuronError):  # noqa: N818  subclasses are named after the problem
    """A request that cannot be answered."""

    status: ClassVar[int] = 422


class UnknownHost(Problem):
    """The request names a host that this server does not accept."""

    status = 400


class MissingToken(Problem):
    """The request lacks the server's token."""

    status = 401


class NotFound(Problem):
    """There is no such record, pair, neuron, job or page."""

    status = 404


class NotAvailable(Problem):
    """The request needs the network, a finished run, or a job that has not run yet."""

    status = 409


class RecordGone(Problem):
    """The record was removed or damaged while it was served."""

    status = 410


class Unexpected(Problem):
    """An error of the server itself."""

    status = 500


_STATUS: dict[type[VulneuronError], int] = {
    RecordError: 410,
    ModelError: 409,
    Cancelled: 409,
    SavedConflictError: 409,
}

_MEANING = {
    400: "The server does not accept the `Host` header.",
    401: "The token is missing or wrong.",
    404: "There is no such record, pair, neuron or job.",
    409: "Needs the network, a finished run, or a job that has not run yet; or was changed in the meantime.",
    410: "The record was removed or damaged.",
    422: "A parameter is not allowed.",
}
_BODY = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}}
#: Errors of all routes, for the OpenAPI schema. FastAPI would give a model the media type of the route's own
#: response, so these refer to the model by name, and `NAMED` adds it to the schema.
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": _BODY} for status, meaning in _MEANING.items()
}
NAMED: dict[int | str, dict[str, Any]] = {500: {"model": ErrorBody, "description": "A bug in the server."}}


def respond(error: VulneuronError) -> JSONResponse:
    """Response for an error, with its status."""
    status = error.status if isinstance(error, Problem) else _STATUS.get(type(error), 422)
    body = ErrorBody(given=error.given, allowed=error.allowed, fix=error.fix, message=str(error))
    return JSONResponse(body.model_dump(), status, headers={"Cache-Control": "no-store"})


def unexpected(error: Exception) -> JSONResponse:
    """Response for a bug, whose traceback goes to the log and not to the page."""
    log.error("Unexpected error in a request", exc_info=error)
    return respond(
        Unexpected(
            f"the server failed with {type(error).__name__}",
            allowed="a request that it can handle",
            fix="report the bug with the traceback in the terminal of the server",
        )
    )


def add_handlers(app: FastAPI) -> None:
    """Give every kind of error the same body."""

    @app.exception_handler(VulneuronError)
    async def _(_request: Request, error: VulneuronError) -> JSONResponse:
        return respond(error)

    @app.exception_handler(RequestValidationError)
    async def _(_request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(_validation_problem(error))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        return _http_response(request, error)


def _validation_problem(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if first["type"] == "missing":
        given = f"no {place[-1]}"
    else:
        value = str(first.get("input"))
        given = value if len(value) <= _LONGEST_INPUT else f"{value[:_LONGEST_INPUT]}..."
        given = f"given {place[-1]} = {given!r}"
    return Problem(
        f"{given} ({' '.join(place[:-1]) or 'request'})",
        allowed=str(first["msg"]).rstrip("."),
        fix="see api/openapi.json for the parameters",
    )


def _http_response(request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == 404:
        return respond(
            NotFound(
                f"there is no {request.url.path!r}",
                allowed="the dashboard at /, and the routes in api/openapi.json",
                fix="check the address",
            )
        )
    problem = Problem(
        f"given {request.method} {request.url.path!r} ({error.detail})",
        allowed="the routes in api/openapi.json",
        fix="check the method and the body",
    )
    response = respond(problem)
    response.status_code = error.status_code
    return response
