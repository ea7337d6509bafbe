"""Long work: start, follow and cancel it."""

from collections.abc import AsyncIterable
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from vulneuron.analysis import Settings
from vulneuron.server.dependencies import LayerInUrl, ServerState
from vulneuron.server.jobs import Job
from vulneuron.server.map_models import JobModel, JobRequest
from vulneuron.server.maps_job import MapsWork, staged_maps
from vulneuron.server.parsing import unknown
from vulneuron.server.responses import NpyResponse, array_response, npy_responses
from vulneuron.server.routes.maps import MAPS

router = APIRouter(tags=["jobs"])


def known_job(job: Annotated[str, Path(description="Id of a job.")], state: ServerState) -> Job:
    """Job in a URL."""
    return state.jobs[job]


KnownJob = Annotated[Job, Depends(known_job)]


@router.post("/records/{record}/jobs")
def start_job(layer: LayerInUrl, body: JobRequest, state: ServerState) -> JobModel:
    """Start computing the vulnerability maps of a pair, or join the job that computes them."""
    count = layer.analysis.data.count
    if body.pair >= count:
        raise unknown("pair", body.pair, count)
    grid, settings = layer.grid(body.vmaps), Settings(vmaps=body.vmaps)
    # While the network is loading, the job waits for it.
    status = layer.network.demand()
    if status.state == "missing" and not layer.analysis.has_maps(body.pair, settings=settings):
        layer.network.require("a vulnerability map")
    work = MapsWork(
        state.library[layer.id],
        body.pair,
        grid,
        body.vmaps.engine,
        body.vmaps.top,
        progress=state.maps_progress,
    )
    return state.jobs.start(work, body.session).updates.value


@router.get("/jobs/{job}")
def get_job(job: KnownJob) -> JobModel:
    """Return the state of a job."""
    return job.updates.value


@router.get("/jobs/{job}/events", response_class=EventSourceResponse)
async def follow_job(
    job: KnownJob,
    state: ServerState,
    session: Annotated[
        str | None, Query(max_length=64, description="Session that waits for the job while it listens.")
    ] = None,
) -> AsyncIterable[ServerSentEvent]:
    """Stream the state of a job: events `progress` with a `JobModel`, the last one with the final state."""
    async for update in state.jobs.follow(job, session):
        yield ServerSentEvent(event="progress", data=update)


@router.get(
    "/jobs/{job}/maps.npy",
    response_class=NpyResponse,
    responses=npy_responses(f"{MAPS}, as of the latest stage."),
)
def get_stage_maps(job: KnownJob) -> Response:
    """Return both vulnerability maps of a job's latest stage."""
    maps = staged_maps(job)
    return array_response(np.stack([maps.benign_drop, maps.adversarial_gain]))


@router.delete("/jobs/{job}")
def cancel_job(
    job: KnownJob,
    state: ServerState,
    session: Annotated[
        str | None, Query(max_length=64, description="Cancel only if no other session waits for it.")
    ] = None,
) -> JobModel:
    """Cancel a job within one batch."""
    state.jobs.cancel(job, session)
    return job.updates.value
