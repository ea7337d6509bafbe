"""The application, made of routes, errors, security and pages."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute

from vulneuron._version import __version__
from vulneuron.network.process_state import WARNING_FILTERS
from vulneuron.server.access import Access
from vulneuron.server.dependencies import State
from vulneuron.server.jobs import Jobs
from vulneuron.server.library import Library
from vulneuron.server.listing_updates import ListingUpdates
from vulneuron.server.maps_job import MapsProgress
from vulneuron.server.problems import add_handlers
from vulneuron.server.report.route import router as report_router
from vulneuron.server.routes import router
from vulneuron.server.security import Guard
from vulneuron.server.sessions import Sessions
from vulneuron.server.static import BUILT, add_pages


def create_app(
    library: Library,
    *,
    access: Access | None = None,
    jobs: Jobs | None = None,
    maps_progress: Callable[..., MapsProgress] = MapsProgress,
    pages: Path = BUILT,
) -> FastAPI:
    """Make the application that serves some records.

    Its `State` is ``app.state.server``; the caller closes it at the end.

    Parameters
    ----------
    library
        The records.
    access
        Rules for accepted requests; by default, requests from this machine only.
    jobs
        Jobs for long work; with default limits if None.
    maps_progress
        Creates the progress reporter of vulnerability maps.
    pages
        Folder of the front end's built files.
    """
    app = FastAPI(
        title="Vulneuron",
        version=__version__,
        description="Values and images of records, as read by the dashboard.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.server = State(library, jobs or Jobs(), Sessions(), ListingUpdates(library), maps_progress)
    # FastAPI changes warning filters in here, while other threads load networks.
    with WARNING_FILTERS:
        app.include_router(router)
        app.include_router(report_router)
    add_handlers(app)
    add_pages(app, pages)
    app.add_middleware(Guard, access=access or Access())
    return app


def _operation_id(route: APIRoute) -> str:
    """Name of the route's function, which becomes a name in the front end."""
    return route.name
