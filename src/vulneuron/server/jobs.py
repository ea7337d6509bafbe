"""Long work in the background: one job at a time, canceled once no page waits for it."""

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Lock, Thread, get_native_id
from typing import Protocol

from vulneuron.errors import Cancelled, VulneuronError
from vulneuron.server.broadcast import Broadcast
from vulneuron.server.map_models import JobModel, JobState
from vulneuron.server.problems import NotFound

#: Niceness of long work, so that a click on the page gets most of a busy CPU.
_NICENESS = 10
_FINAL: frozenset[JobState] = frozenset({"done", "cancelled", "failed"})
log = logging.getLogger("vulneuron.server")


@dataclass(frozen=True)
class JobLimits:
    """Time limits of jobs, and the number of finished jobs that are remembered.

    Attributes
    ----------
    grace
        Seconds that a job continues after its last listener has left, so that a reloaded page finds it.
    closing
        Seconds to wait for the running job when the server stops.
    remembered
        Number of jobs whose state can be read.
    results
        Number of finished jobs that keep their results.
    """

    grace: float = 5.0
    closing: float = 30.0
    remembered: int = 256
    results: int = 8


class Work(Protocol):
    """The work of a job. Work that equals the work of an unfinished job joins that job."""

    def queued(self, job_id: str) -> JobModel:
        """First state of a job for this work."""
        ...

    def run(self, job: "Job") -> None:
        """Do the work, and report progress to the job.

        Raises
        ------
        Cancelled
            If `job.stopping` is set.
        """
        ...


@dataclass(eq=False)
class Job:
    """Some work, its state, and who waits for it.

    Attributes
    ----------
    work
        The work.
    updates
        The state, for all listeners.
    owners
        Sessions that requested the work; None stands for requests without a session.
    left
        Those of them whose last listener has left, such as a page before it was reloaded.
    stopping
        Set to stop the work.
    result
        Preliminary result, of a type that belongs to the kind of work; None before the first one, and again
        after some later jobs have finished.
    """

    work: Work
    updates: Broadcast[JobModel]
    owners: set[str | None] = field(default_factory=set)
    left: set[str | None] = field(default_factory=set)
    stopping: Event = field(default_factory=Event)
    result: object = None

    @property
    def finished(self) -> bool:
        """Whether its state is final."""
        return self.updates.value.state in _FINAL

    def keep(self, result: object) -> None:
        """Replace the result; None to free its memory."""
        self.result = result

    def report(self, state: JobState, message: str | None = None, **changes: object) -> None:
        """Publish a new state with changes of other fields; listeners stop at a final state."""
        update = {"state": state, "message": message, **changes}
        self.updates.publish(self.updates.value.model_copy(update=update))
        if state in _FINAL:
            self.updates.close()


class Jobs:
    """All jobs of a server, and the thread that runs them.

    Parameters
    ----------
    limits
        Time limits of jobs, and the number of finished jobs that are remembered.
    """

    def __init__(self, limits: JobLimits | None = None) -> None:
        self._limits = limits or JobLimits()
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()
        self._closed = False
        # An executor would keep the interpreter from exiting until all submitted jobs have run.
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run_queue, name="jobs", daemon=True)
        self._thread.start()

    def __getitem__(self, job_id: str) -> Job:
        """Job of an id.

        Raises
        ------
        NotFound
            If there is none, or no longer.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise NotFound(
                    f"given job {job_id[:40]!r}",
                    allowed="one of the latest jobs of this server",
                    fix="start it again",
                )
            return self._jobs[job_id]

    def start(self, work: Work, owner: str | None) -> Job:
        """Start work, or join the job that already does it; the owner leaves its earlier jobs."""
        with self._lock:
            active = [job for job in self._jobs.values() if not job.finished and not job.stopping.is_set()]
            job = next((job for job in active if job.work == work), None)
            if owner is not None:
                for other in active:
                    if other is not job:
                        self._release(other, owner)
            if job is None:
                job = self._add(work)
            job.owners.add(owner)
            job.left.discard(owner)
            return job

    def cancel(self, job: Job, owner: str | None) -> None:
        """Stop a job within one batch; if an owner is given, only unless another one still waits for it."""
        with self._lock:
            if owner is None:
                self._stop(job)
            else:
                self._release(job, owner)

    async def follow(self, job: Job, owner: str | None = None) -> AsyncIterator[JobModel]:
        """Yield the states of a job until a final one; a job that is left without listeners is canceled.

        An owner who stops listening no longer keeps others from canceling the job.
        """
        with self._lock:
            job.left.discard(owner)
        try:
            async for update in job.updates.watch():
                yield update
        finally:
            if not job.finished:
                if owner is not None:
                    with self._lock:
                        job.left.add(owner)
                asyncio.get_running_loop().call_later(self._limits.grace, self._stop_if_abandoned, job)

    def cancel_all(self) -> None:
        """Stop all jobs, end the streams of their listeners, and start no other job."""
        with self._lock:
            self._closed = True
            for job in self._jobs.values():
                self._stop(job)
                job.updates.close()
        self._queue.put(None)

    def join(self) -> bool:
        """Wait for the running job to stop, after `cancel_all`; returns False if it takes too long."""
        self._thread.join(self._limits.closing)
        return not self._thread.is_alive()

    def _add(self, work: Work) -> Job:
        first = work.queued(uuid.uuid4().hex)
        job = Job(work, Broadcast(first))
        self._jobs[first.id] = job
        if self._closed:
            self._stop(job)
        self._forget_old()
        self._queue.put(job)
        return job

    def _forget_old(self) -> None:
        finished = [job for job in self._jobs.values() if job.finished]
        for job in finished[: max(0, len(self._jobs) - self._limits.remembered)]:
            del self._jobs[job.updates.value.id]
        for job in finished[: max(0, len(finished) - self._limits.results)]:
            job.keep(None)

    def _release(self, job: Job, owner: str) -> None:
        job.owners.discard(owner)
        if not job.owners - job.left:
            self._stop(job)

    def _stop(self, job: Job) -> None:
        job.stopping.set()
        if job.updates.value.state == "queued":
            job.report("cancelled")

    def _stop_if_abandoned(self, job: Job) -> None:
        with self._lock:
            if not job.updates.watchers:
                self._stop(job)

    def _run_queue(self) -> None:
        lower_priority()
        while (job := self._queue.get()) is not None:
            with self._lock:
                if job.finished:
                    continue
                job.report("running")
            _run(job)


def _run(job: Job) -> None:
    try:
        job.work.run(job)
    except Cancelled:
        job.report("cancelled")
    except VulneuronError as error:
        # A job that is stopped while it waits for the network fails because that is missing.
        if job.stopping.is_set():
            job.report("cancelled")
        else:
            job.report("failed", str(error))
    except Exception as error:
        log.exception("Unexpected error in a job")
        job.report("failed", f"the server failed with {type(error).__name__}; see its terminal")
    else:
        job.report("done", done=job.updates.value.total)


def lower_priority() -> None:
    """Let other threads go before this one, for its whole life."""
    if sys.platform == "linux":
        # Elsewhere, threads have no priority of their own. PyTorch's threads inherit this one's.
        os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICENESS)
