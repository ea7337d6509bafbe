"""Long work: start it, follow it, cancel it."""

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from vulneuron.server.dependencies import Opened, ServerState
from vulneuron.server.dto import JobModel, JobRequest
from vulneuron.server.jobs import Job, MapsWork
from vulneuron.server.numbers import unknown

router = APIRouter(tags=["jobs"])


def known_job(job: Annotated[str, Path(description="Id of a job.")], state: ServerState) -> Job:
    """Job that a URL names."""
    return state.jobs[job]


KnownJob = Annotated[Job, Depends(known_job)]


@router.post("/records/{record}/jobs")
def start_job(opened: Opened, body: JobRequest, state: ServerState) -> JobModel:
    """Start to compute the vulnerability maps of a pair; the same work twice is one job."""
    count = opened.analysis.data.count
    if body.pair >= count:
        raise unknown("pair", body.pair, count)
    settings = body.settings.settings()
    grid = opened.grid(settings)
    # While the network is loading, the job waits for it.
    if opened.network.state == "missing" and not opened.analysis.has_maps(body.pair, settings=settings):
        opened.require_network("a vulnerability map")
    patches = grid.shape[0] * grid.shape[1]
    work = MapsWork(state.library[opened.id], body.pair, grid.patch, grid.stride, patches)
    return state.jobs.start(work, body.session).updates.value


@router.get("/jobs/{job}")
def get_job(job: KnownJob) -> JobModel:
    """Return how far a job is."""
    return job.updates.value


@router.get("/jobs/{job}/events", response_class=EventSourceResponse)
async def follow_job(job: KnownJob, state: ServerState) -> AsyncIterable[ServerSentEvent]:
    """Stream how far a job is: events `progress` with a `JobModel`, the last one with its final state."""
    async for update in state.jobs.follow(job):
        yield ServerSentEvent(event="progress", data=update)


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
