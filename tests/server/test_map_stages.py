"""Stages of maps that a job computes: told, had as arrays, kept for a while."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from runs import color_net
from served import Served, assert_error, decoded
from server.gates import STEPS, Gate, Job, begin, ended, events
from vulneuron.maps.stages import MapStage, StageName
from vulneuron.maps.vulnerability_map import VulnerabilityMaps, top_mask
from vulneuron.server import jobs


@pytest.fixture
def served(copied: Path, start: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setattr(jobs, "REPORT_SECONDS", 0.0)
    return start(copied, color_net(), grace=0.05)


class StagedGate(Gate):
    """Hands on one stage for each permit."""

    def __init__(self, stages: list[MapStage]) -> None:
        super().__init__()
        self.stages = stages
        self.asked_top: list[float] = []

    def __call__(self, pair: int, **options: Any) -> VulnerabilityMaps:
        self.asked_top.append(options["settings"].vmaps.top)

        def hand_on(done: int, total: int) -> None:
            options["progress"](done, total)
            options["on_stage"](self.stages[done - 1])

        return super().__call__(pair, progress=hand_on, cancelled=options["cancelled"])


def make_stages() -> list[MapStage]:
    """A preview, four estimates and the settled maps, all different."""
    rng, known = np.random.default_rng(0), np.zeros((12, 12), np.bool_)
    estimates: list[StageName] = ["estimate"] * 4
    names: list[StageName] = ["preview", *estimates, "settled"]
    made = []
    for number, name in enumerate(names):
        known = known.copy()
        known[: 2 * number] = True
        drop, gain = rng.normal(size=(2, 12, 12))
        maps = VulnerabilityMaps(drop, gain, 4, 1, "anytime")
        made.append(MapStage(name, maps, known, 1 / (number + 1), (0.5, -0.25) if number else None))
    return made


@pytest.fixture
def staged(served: Served) -> Iterator[StagedGate]:
    made = StagedGate(make_stages())
    served.opened.analysis.vulnerability_maps = made  # type: ignore[method-assign]
    yield made
    made.permits.release(1000)


def stage_arrays(served: Served, job: Job, top: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    url = f"/api/jobs/{job['id']}"
    return decoded(served.client.get(f"{url}/maps.npy")), decoded(
        served.client.get(f"{url}/top.npy", params={"top": top})
    )


def test_stages_are_told_and_can_be_had(
    served: Served, staged: StagedGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STAGE_SECONDS", 0.0)
    job = begin(served, 1, vmaps={"top": 30})
    assert job["stage"] is None
    staged.wait()
    assert_error(served.client.get(f"/api/jobs/{job['id']}/maps.npy"), 409, "no maps now")
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        heard = events(stream)
        for number, stage in enumerate(staged.stages):
            staged.permits.release()
            told = next(it["stage"] for it in heard if it["stage"] and it["stage"]["number"] == number)
            assert told == {
                "name": stage.name,
                "number": number,
                "known": 24 * number,
                "points": 144,
                "top": 30,
                "unsettled": stage.unsettled,
                "agreement": [0.5, -0.25] if number else None,
            }
            maps, masks = stage_arrays(served, job, 10)
            both = (stage.maps.benign_drop, stage.maps.adversarial_gain)
            np.testing.assert_array_equal(maps, both)
            np.testing.assert_array_equal(masks, [top_mask(values, 10) for values in both])
    assert staged.asked_top == [30]


def test_estimates_that_follow_too_quickly_are_left_out(
    served: Served, staged: StagedGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STAGE_SECONDS", 3600.0)
    job = begin(served, 1)
    staged.permits.release(STEPS)
    last = ended(served, job)["stage"]
    assert (last["name"], last["number"], last["known"]) == ("settled", 1, 120)


def test_the_last_stage_of_a_cancelled_job_can_still_be_had(served: Served, staged: StagedGate) -> None:
    job = begin(served, 1)
    staged.wait()
    staged.permits.release()
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        assert any(update["stage"] for update in events(stream))
        served.client.delete(f"/api/jobs/{job['id']}")
        staged.permits.release()
    last = ended(served, job)
    assert last["state"] == "cancelled"
    maps, _ = stage_arrays(served, job, 20)
    np.testing.assert_array_equal(maps[0], staged.stages[last["stage"]["number"]].maps.benign_drop)


def test_only_the_last_jobs_keep_their_maps(
    served: Served, staged: StagedGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_KEPT_STAGES", 2)
    staged.permits.release(100)
    made = [begin(served, pair) for pair in range(4)]
    for job in made:
        ended(served, job)
    begin(served, 4)
    status = [served.client.get(f"/api/jobs/{job['id']}/maps.npy").status_code for job in made]
    assert status == [409, 409, 200, 200]
