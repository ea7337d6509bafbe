"""The job that computes the vulnerability maps of a pair, and reports their stages."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from vulneuron.analysis import Settings
from vulneuron.engines import EngineName, Watch
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.stages import MapStage
from vulneuron.maps.vulnerability_map import VulnerabilityMaps
from vulneuron.server.jobs import Job
from vulneuron.server.map_models import JobModel, StageModel
from vulneuron.server.problems import NotAvailable
from vulneuron.server.served_record import ServedRecord


def staged_maps(job: Job) -> VulnerabilityMaps:
    """Return the maps of a job's latest stage.

    Raises
    ------
    NotAvailable
        If no stage was reported yet, the maps had been computed before, or the job is too old.
    """
    if not isinstance(job.result, VulnerabilityMaps):
        raise NotAvailable(
            f"job {job.updates.value.id!r} has no maps",
            allowed="one of the latest jobs, after its first stage",
            fix="request the maps of the pair, or start the job again",
        )
    return job.result


class MapsProgress:
    """Reports points and stages to the listeners of a job, at a limited rate.

    Parameters
    ----------
    job
        The job.
    grid
        Patches of the maps.
    top
        Percentage of the pixels in the top mask, which is settled first.
    report_seconds
        Shortest time between two reports of computed points.
    stage_seconds
        Shortest time between a stage and an estimate, long enough to read the stage.

    Attributes
    ----------
    stages
        Number of stages reported so far.
    """

    def __init__(
        self,
        job: Job,
        grid: PatchGrid,
        top: float,
        *,
        report_seconds: float = 0.1,
        stage_seconds: float = 0.25,
    ) -> None:
        self.stages = 0
        self._job, self._grid, self._top = job, grid, top
        self._report_seconds, self._stage_seconds = report_seconds, stage_seconds
        self._last_report = self._last_stage = -math.inf

    def points(self, done: int, total: int) -> None:
        """Report the number of computed points, after a batch."""
        now = time.monotonic()
        if now - self._last_report >= self._report_seconds:
            self._last_report = now
            self._job.report("running", done=done, total=total)

    def stage(self, stage: MapStage) -> None:
        """Report a stage, except an estimate that follows another stage too soon."""
        now = time.monotonic()
        if stage.name == "estimate" and now - self._last_stage < self._stage_seconds:
            return
        self._last_stage = now
        self._job.keep(stage.maps)
        stage_model = StageModel(
            name=stage.name,
            number=self.stages,
            known=int(stage.computed.sum()),
            points=stage.computed.size,
            top=self._top,
            unsettled=stage.unsettled,
            agreement=None if stage.agreement is None else list(stage.agreement),
        )
        self.stages += 1
        self._job.report("running", stage=stage_model)


@dataclass(frozen=True)
class MapsWork:
    """Computes the vulnerability maps of a pair, and stores them in the record.

    Attributes
    ----------
    served
        The record.
    pair
        Number of the pair.
    grid
        Patches of the maps.
    engine
        How the maps are computed.
    top
        Percentage of the pixels in the top mask, which is settled first; the final maps do not depend on it.
    progress
        Creates the `MapsProgress` of a job.
    """

    served: ServedRecord
    pair: int
    grid: PatchGrid
    engine: EngineName
    top: float = field(compare=False)
    progress: Callable[[Job, PatchGrid, float], MapsProgress] = field(default=MapsProgress, compare=False)

    def queued(self, job_id: str) -> JobModel:
        """Initial state of a job for this work."""
        return JobModel(
            id=job_id,
            record=self.served.id,
            kind="maps",
            pair=self.pair,
            patch=self.grid.patch,
            stride=self.grid.stride,
            state="queued",
            done=0,
            total=math.prod(self.grid.shape),
            message=None,
            stage=None,
        )

    def run(self, job: Job) -> None:
        """Wait for the network, and compute the maps if the record does not contain them.

        Raises
        ------
        Cancelled
            If the job is stopped.
        NotAvailable
            If the network is missing.
        """
        progress = self.progress(job, self.grid, self.top)
        patch, stride = self.grid.patch, self.grid.stride
        settings = Settings(patch=patch, stride=stride, engine=self.engine, top=self.top)
        with self.served.reading() as record:
            layer = record.at()
            layer.network.wait(job.stopping.is_set)
            if not layer.analysis.has_maps(self.pair, settings=settings):
                layer.network.require("a vulnerability map")
            layer.analysis.vulnerability_maps(
                self.pair,
                settings=settings,
                watch=Watch(progress.points, job.stopping.is_set),
                on_stage=progress.stage,
            )
