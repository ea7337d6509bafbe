"""Stages of vulnerability maps that a job computes: reported, available as arrays, kept for a while."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from runs import color_net
from served import Served, assert_error, decoded
from server.gates import STEPS, Gate, Job, begin, ended, events
from vulneuron.engines import Watch
from vulneuron.maps.stages import MapStage, StageName
from vulneuron.maps.vulnerability_map import VulnerabilityMaps
from vulneuron.server.jobs import JobLimits
from vulneuron.server.maps_job import MapsProgress


class StagedGate(Gate):
    """Reports one stage for each permit."""

    def __init__(self, stages: list[MapStage]) -> None:
        super().__init__()
        self.stages = stages
        self.tops: list[float] = []

    def __call__(self, pair: int, *, watch: Watch, **options: Any) -> VulnerabilityMaps:
        self.tops.append(options["settings"].vmaps.top)

        def report(done: int, total: int) -> None:
            assert watch.progress is not None
            watch.progress(done, total)
            options["on_stage"](self.stages[done - 1])

        return super().__call__(pair, watch=Watch(report, watch.cancelled))


def make_stages() -> list[MapStage]:
    """A preview, four estimates and the settled maps, all different."""
    rng, known = np.random.default_rng(0), np.zeros((12, 12), np.bool_)
    estimates: list[StageName] = ["estimate"] * 4
    names: list[StageName] = ["preview", *estimates, "settled"]
    stages = []
    for number, name in enumerate(names):
        known = known.copy()
        known[: 2 * number] = True
        drop, gain = rng.normal(size=(2, 12, 12))
        maps = VulnerabilityMaps(drop, gain, 4, 1, "anytime")
        stages.append(MapStage(name, maps, known, 1 / (number + 1), (0.5, -0.25) if number else None))
    return stages


Staged = Callable[..., tuple[Served, StagedGate]]


@pytest.fixture
def start_staged(copied: Path, start: Callable[..., Served]) -> Iterator[Staged]:
    """Start a server whose computation of maps waits for permits."""
    gate = StagedGate(make_stages())

    def start_server(
        *, limits: JobLimits | None = None, stage_seconds: float = 0.25
    ) -> tuple[Served, StagedGate]:
        progress = partial(MapsProgress, report_seconds=0.0, stage_seconds=stage_seconds)
        served = start(copied, color_net(), limits=limits, maps_progress=progress)
        served.opened.analysis.vulnerability_maps = gate  # type: ignore[method-assign, assignment]
        return served, gate

    yield start_server
    gate.permits.release(1000)


def stage_maps(served: Served, job: Job) -> npt.NDArray[Any]:
    return decoded(served.client.get(f"/api/jobs/{job['id']}/maps.npy"))


def test_stages_are_reported_and_available(start_staged: Staged) -> None:
    served, staged = start_staged(stage_seconds=0.0)
    job = begin(served, 1, vmaps={"top": 30})
    assert job["stage"] is None
    staged.wait()
    assert_error(served.client.get(f"/api/jobs/{job['id']}/maps.npy"), 409, "has no maps")
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        states = events(stream)
        for number, stage in enumerate(staged.stages):
            staged.permits.release()
            reported = (state["stage"] for state in states if state["stage"])
            assert next(one for one in reported if one["number"] == number) == {
                "name": stage.name,
                "number": number,
                "known": 24 * number,
                "points": 144,
                "top": 30,
                "unsettled": stage.unsettled,
                "agreement": [0.5, -0.25] if number else None,
            }
            both = (stage.maps.benign_drop, stage.maps.adversarial_gain)
            np.testing.assert_array_equal(stage_maps(served, job), both)
    assert staged.tops == [30]


def test_estimates_soon_after_another_stage_are_left_out(start_staged: Staged) -> None:
    served, staged = start_staged(stage_seconds=3600.0)
    job = begin(served, 1)
    staged.permits.release(STEPS)
    last = ended(served, job)["stage"]
    assert (last["name"], last["number"], last["known"]) == ("settled", 1, 120)


def test_the_last_stage_of_a_canceled_job_is_still_available(start_staged: Staged) -> None:
    served, staged = start_staged()
    job = begin(served, 1)
    staged.wait()
    staged.permits.release()
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        assert any(update["stage"] for update in events(stream))
        served.client.delete(f"/api/jobs/{job['id']}")
        staged.permits.release()
    last = ended(served, job)
    assert last["state"] == "cancelled"
    maps = stage_maps(served, job)
    np.testing.assert_array_equal(maps[0], staged.stages[last["stage"]["number"]].maps.benign_drop)


def test_only_the_latest_jobs_keep_their_maps(start_staged: Staged) -> None:
    served, staged = start_staged(limits=JobLimits(results=2))
    staged.permits.release(100)
    jobs = [begin(served, pair) for pair in range(4)]
    for job in jobs:
        ended(served, job)
    begin(served, 4)
    status = [served.client.get(f"/api/jobs/{job['id']}/maps.npy").status_code for job in jobs]
    assert status == [409, 409, 200, 200]
