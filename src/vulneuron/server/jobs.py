"""Long work in the background: one job at a time, with progress, cancelled when nobody waits for it."""

import asyncio
import logging
import math
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from threading import Condition, Event, Thread

from vulneuron.analysis import Settings
from vulneuron.engines import EngineName
from vulneuron.errors import Cancelled, VulneuronError
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.stages import MapStage
from vulneuron.server.broadcast import Broadcast
from vulneuron.server.dto import JobModel, JobState, StageModel
from vulneuron.server.library import ServedRecord
from vulneuron.server.problems import NotFound
from vulneuron.server.summary import OpenedLayer

#: Seconds between two reports of progress.
REPORT_SECONDS = 0.1
#: Seconds between two estimates, at least, so that each can be read before the next.
STAGE_SECONDS = 0.25
#: How long a job goes on after its last listener has left: a reloaded page finds it again.
GRACE_SECONDS = 5.0
_FINAL: frozenset[JobState] = frozenset({"done", "cancelled", "failed"})
_REMEMBERED = 256
#: How many of the jobs that have ended still have the maps of their last stage.
_KEPT_STAGES = 8
_JOIN_SECONDS = 30.0
log = logging.getLogger("vulneuron.server")


@dataclass(frozen=True)
class MapsWork:
    """What a job computes: the vulnerability maps of one pair.

    Attributes
    ----------
    served
        The record.
    pair
        Number of the pair.
    grid
        Where the patches lie.
    engine
        How they are computed.
    top
        Per cent of the pixels whose outline is settled first; the maps are the same whichever it is.
    """

    served: ServedRecord
    pair: int
    grid: PatchGrid
    engine: EngineName
    top: float = field(compare=False)


@dataclass(eq=False)
class Job:
    """One piece of work, and who waits for it.

    Attributes
    ----------
    work
        What it computes.
    updates
        How far it is.
    owners
        Sessions that asked for it; None for a request without a session.
    stopping
        Set when it shall stop.
    stage
        The maps as far as they are known; None before that, or when they were there already or are forgotten.
    """

    work: MapsWork
    updates: Broadcast[JobModel]
    owners: set[str | None] = field(default_factory=set)
    stopping: Event = field(default_factory=Event)
    stage: MapStage | None = None

    @property
    def finished(self) -> bool:
        """Whether its state is final."""
        return self.updates.value.state in _FINAL

    def report(self, state: JobState, message: str | None = None, **news: object) -> None:
        """Tell all listeners how far it is; a final state is the last that they hear."""
        update = {"state": state, "message": message, **news}
        self.updates.publish(self.updates.value.model_copy(update=update))
        if state in _FINAL:
            self.updates.close()


class Jobs:
    """All jobs of a server, and the thread that works on them.

    Parameters
    ----------
    grace
        Seconds that a job goes on after its last listener has left.
    """

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def __getitem__(self, name: str) -> Job:
        """Job of an id.

        Raises
        ------
        NotFound
            If there is none, or no longer.
        """
        with self._changed:
            if name not in self._jobs:
                raise NotFound(
                    f"given job {name[:40]!r}", allowed="a job that was started here", fix="start it again"
                )
            return self._jobs[name]

    def start(self, work: MapsWork, owner: str | None) -> Job:
        """Start work, or join the job that does it already; the owner's earlier jobs are given up."""
        with self._changed:
            waiting = [job for job in self._jobs.values() if not job.finished and not job.stopping.is_set()]
            job = next((job for job in waiting if job.work == work), None)
            if owner is not None:
                for other in waiting:
                    if other is not job:
                        self._release(other, owner)
            if job is None:
                job = self._added(work)
            job.owners.add(owner)
            self._changed.notify_all()
            return job

    def cancel(self, job: Job, owner: str | None) -> None:
        """Stop a job within one batch; with an owner only if no other one waits for it."""
        with self._changed:
            if owner is None:
                self._stop(job)
            else:
                self._release(job, owner)

    async def follow(self, job: Job) -> AsyncIterator[JobModel]:
        """Yield how far a job is, until its end; without listeners for some seconds it is cancelled."""
        try:
            async for update in job.updates.watch():
                yield update
        finally:
            if not job.finished:
                asyncio.get_running_loop().call_later(self._grace, self._stop_if_left, job)

    def cancel_all(self) -> None:
        """Stop all jobs and let their listeners go; no other one is begun."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                self._stop(job)
                job.updates.close()
            self._changed.notify_all()

    def join(self) -> bool:
        """Wait for the thread, after `cancel_all`; returns False if it still computes."""
        self._thread.join(_JOIN_SECONDS)
        return not self._thread.is_alive()

    def _added(self, work: MapsWork) -> Job:
        first = JobModel(
            id=uuid.uuid4().hex,
            record=work.served.id,
            kind="maps",
            pair=work.pair,
            patch=work.grid.patch,
            stride=work.grid.stride,
            state="queued",
            done=0,
            total=math.prod(work.grid.shape),
            message=None,
            stage=None,
        )
        job = Job(work, Broadcast(first))
        self._jobs[first.id] = job
        if self._closed:
            self._stop(job)
        finished = [name for name, old in self._jobs.items() if old.finished]
        for name in finished[: max(0, len(self._jobs) - _REMEMBERED)]:
            del self._jobs[name]
        for name in finished[:-_KEPT_STAGES]:
            if name in self._jobs:
                self._jobs[name].stage = None
        return job

    def _release(self, job: Job, owner: str) -> None:
        job.owners.discard(owner)
        if not job.owners:
            self._stop(job)

    def _stop(self, job: Job) -> None:
        job.stopping.set()
        if job.updates.value.state == "queued":
            job.report("cancelled")

    def _stop_if_left(self, job: Job) -> None:
        with self._changed:
            if not job.updates.watchers:
                self._stop(job)

    def _next(self) -> Job | None:
        """Wait for the next job; None when the server closes."""
        with self._changed:
            while not self._closed:
                for job in self._jobs.values():
                    if job.updates.value.state == "queued":
                        job.report("running")
                        return job
                self._changed.wait()
            return None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                with job.work.served.reading() as opened:
                    _compute_maps(opened.at(), job)
            except Cancelled:
                job.report("cancelled")
            except VulneuronError as error:
                # What was stopped while it waited for the network fails for the lack of it.
                if job.stopping.is_set():
                    job.report("cancelled")
                else:
                    job.report("failed", str(error))
            except Exception as error:
                log.exception("Unexpected error in a job")
                job.report("failed", f"the server failed with {type(error).__name__}; see its terminal")


def _compute_maps(opened: OpenedLayer, job: Job) -> None:
    work, news = job.work, _News(job)
    opened.network.wait(job.stopping.is_set)
    settings = Settings(patch=work.grid.patch, stride=work.grid.stride, engine=work.engine, top=work.top)
    if not opened.analysis.has_maps(work.pair, settings=settings):
        opened.network.require("a vulnerability map")
    opened.analysis.vulnerability_maps(
        work.pair,
        settings=settings,
        progress=news.progress,
        cancelled=job.stopping.is_set,
        on_stage=news.stage,
    )
    job.report("done", done=job.updates.value.total)


class _News:
    """What the computation of maps tells, handed on as often as somebody can take it.

    Parameters
    ----------
    job
        Whose listeners are told.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._reported = self._staged = -math.inf
        self.stages = 0

    def progress(self, done: int, total: int) -> None:
        """Be told of points that are known, after each batch."""
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            self._job.report("running", done=done, total=total)

    def stage(self, stage: MapStage) -> None:
        """Be told of a stage; those that follow too quickly are left out."""
        now = time.monotonic()
        if stage.name == "estimate" and now - self._staged < STAGE_SECONDS:
            return
        self._staged = now
        self._job.stage = stage
        told = StageModel(
            name=stage.name,
            number=self.stages,
            known=int(stage.computed.sum()),
            points=stage.computed.size,
            top=self._job.work.top,
            unsettled=stage.unsettled,
            agreement=None if stage.agreement is None else list(stage.agreement),
        )
        self.stages += 1
        self._job.report("running", stage=told)
