"""Jobs: progress, cancellation, listeners that leave, several clients."""

import asyncio
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from threading import Event, Thread

import httpx2 as httpx
import numpy as np
import pytest
from torch import nn

import vulneuron as vn
from runs import color_net
from served import TIMEOUT, Served
from server.gates import STEPS, Gate, Job, begin, ended, events, state
from vulneuron.server.jobs import JobLimits
from vulneuron.server.maps_job import MapsProgress


@pytest.fixture
def served(copied: Path, start: Callable[..., Served]) -> Served:
    progress = partial(MapsProgress, report_seconds=0.0)
    return start(copied, color_net(), limits=JobLimits(grace=0.05), maps_progress=progress)


@pytest.fixture
def gate(served: Served) -> Iterator[Gate]:
    made = Gate()
    served.opened.analysis.vulnerability_maps = made  # type: ignore[method-assign, assignment]
    yield made
    made.permits.release(1000)


def test_maps_from_beginning_to_end(served: Served) -> None:
    settings = {"stride": 2}
    job = begin(served, 3, vmaps=settings)
    assert (job["kind"], job["pair"], job["patch"], job["stride"]) == ("maps", 3, 4, 2)
    assert job["total"] == 36
    last = ended(served, job)
    assert last.pop("stage") == {
        "name": "exact",
        "number": 1,
        "known": 36,
        "points": 36,
        "top": 20,
        "unsettled": 0,
        "agreement": None,
    }
    assert {**last, "stage": None} == {**job, "state": "done", "done": 36}
    assert state(served, job)["state"] == "done"
    record = vn.open_record(served.path)
    data = record.dataset
    expected = vn.vulnerability_maps(
        vn.Classifier(color_net(), input_shape=(3, 12, 12)),
        vn.ImagePair(
            record.images(3, "benign"),
            record.images(3, "adversarial"),
            int(data["benign_label"][3]),
            int(data["adversarial_label"][3]),
        ),
        stride=2,
    )
    found = served.array("/pairs/3/maps.npy", stride=2)
    np.testing.assert_allclose(found, [expected.benign_drop, expected.adversarial_gain], atol=1e-6)
    # They are kept in the record, and another job for them has nothing to do.
    assert vn.Analysis(served.path).has_maps(3, settings=vn.Settings(stride=2))
    again = ended(served, begin(served, 3, vmaps=settings))
    assert (again["state"], again["stage"]) == ("done", None)


def test_progress(served: Served, gate: Gate) -> None:
    job = begin(served, 1)
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        heard = events(stream)
        first = next(heard)
        assert (first["state"], first["done"]) in {("queued", 0), ("running", 0)}
        gate.wait()
        for step in range(STEPS):
            gate.permits.release()
            update = next(one for one in heard if one["done"] > step or one["state"] == "done")
            assert update["state"] in {"running", "done"}
        last = [update, *heard][-1]
    assert (last["state"], last["total"], last["done"]) == ("done", STEPS, STEPS)


def test_cancelled_within_one_batch(served: Served, gate: Gate) -> None:
    job = begin(served, 1)
    gate.wait()
    assert served.client.delete(f"/api/jobs/{job['id']}").status_code == 200
    gate.permits.release()
    assert ended(served, job)["state"] == "cancelled"
    assert served.client.delete(f"/api/jobs/{job['id']}").json()["state"] == "cancelled"


def test_what_waits_is_cancelled_at_once(served: Served, gate: Gate) -> None:
    first, second = begin(served, 1), begin(served, 2)
    gate.wait()
    assert state(served, second)["state"] == "queued"
    assert served.client.delete(f"/api/jobs/{second['id']}").json()["state"] == "cancelled"
    gate.permits.release(STEPS)
    assert ended(served, first)["state"] == "done"
    assert gate.begun == [1]


def test_one_after_the_other(served: Served, gate: Gate) -> None:
    made = [begin(served, pair) for pair in (4, 2, 3)]
    gate.permits.release(3 * STEPS)
    assert [ended(served, job)["state"] for job in made] == ["done"] * 3
    assert gate.begun == [4, 2, 3]


def test_same_work_is_one_job(served: Served, gate: Gate) -> None:
    first = begin(served, 1)
    assert begin(served, 1)["id"] == first["id"]
    assert begin(served, 1, vmaps={"top": 3})["id"] == first["id"]
    assert begin(served, 1, vmaps={"stride": 3})["id"] != first["id"]
    gate.permits.release(2 * STEPS)
    assert ended(served, first)["state"] == "done"
    again = begin(served, 1)
    assert again["id"] != first["id"]


def test_latest_pair_of_a_session_wins(served: Served, gate: Gate) -> None:
    first, second, third = (begin(served, pair, session="mine") for pair in (1, 2, 3))
    gate.permits.release(STEPS + 1)
    assert ended(served, first)["state"] == "cancelled"
    assert ended(served, second)["state"] == "cancelled"
    assert ended(served, third)["state"] == "done"


def test_two_clients_do_not_cancel_each_other(served: Served, gate: Gate) -> None:
    shared = begin(served, 1, session="one")
    assert begin(served, 1, session="two")["id"] == shared["id"]
    gate.wait()
    later = begin(served, 2, session="one")
    assert state(served, shared)["state"] == "running"
    served.client.delete(f"/api/jobs/{later['id']}", params={"session": "one"})
    assert state(served, later)["state"] == "cancelled"
    gate.permits.release(STEPS)
    assert ended(served, shared)["state"] == "done"


def test_the_last_session_that_leaves_cancels(served: Served, gate: Gate) -> None:
    shared = begin(served, 1, session="one")
    begin(served, 1, session="two")
    gate.wait()
    url = f"/api/jobs/{shared['id']}"
    assert served.client.delete(url, params={"session": "one"}).json()["state"] == "running"
    served.client.delete(url, params={"session": "two"})
    gate.permits.release()
    assert ended(served, shared)["state"] == "cancelled"


def test_client_that_disconnects_in_the_middle(served: Served, gate: Gate) -> None:
    job = begin(served, 1)
    gate.wait()
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        next(events(stream))
    stopping = served.state.jobs[job["id"]].stopping
    assert stopping.wait(TIMEOUT)
    gate.permits.release()
    assert ended(served, job)["state"] == "cancelled"
    gate.permits.release(STEPS)
    assert ended(served, begin(served, 2))["state"] == "done"


async def _listen_and_leave(served: Served, job: Job, session: str) -> None:
    stream = aiter(served.state.jobs.follow(served.state.jobs[job["id"]], session))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("pages", [1, 2], ids=["reloaded once", "reloaded twice"])
def test_a_page_that_was_reloaded_can_cancel_at_once(
    copied: Path, start: Callable[..., Served], pages: int
) -> None:
    served = start(copied, color_net(), limits=JobLimits(grace=3600.0))
    gate = Gate()
    served.opened.analysis.vulnerability_maps = gate  # type: ignore[method-assign, assignment]
    for page in range(pages):
        job = begin(served, 1, session=f"page-{page}")
        asyncio.run(_listen_and_leave(served, job, f"page-{page}"))
    assert begin(served, 1, session="last")["id"] == job["id"]
    gate.wait()
    served.client.delete(f"/api/jobs/{job['id']}", params={"session": "last"})
    gate.permits.release()
    assert ended(served, job)["state"] == "cancelled"
    gate.permits.release(1000)


def test_a_page_that_still_listens_keeps_a_job_that_another_cancels(served: Served, gate: Gate) -> None:
    job = begin(served, 1, session="one")
    gate.wait()
    url = f"/api/jobs/{job['id']}"
    with served.client.stream("GET", f"{url}/events", params={"session": "one"}) as stream:
        heard = events(stream)
        next(heard)
        begin(served, 1, session="two")
        assert served.client.delete(url, params={"session": "two"}).json()["state"] == "running"
        gate.permits.release(STEPS)
        assert list(heard)[-1]["state"] == "done"


def test_a_listener_that_stays_keeps_it_alive(served: Served, gate: Gate) -> None:
    job = begin(served, 1)
    gate.wait()
    url = f"/api/jobs/{job['id']}/events"
    with served.client.stream("GET", url) as staying:
        heard = events(staying)
        next(heard)
        with httpx.stream("GET", f"{served.client.base_url}{url}", timeout=TIMEOUT) as leaving:
            next(events(leaving))
        assert not served.state.jobs[job["id"]].stopping.wait(0.3)
        gate.permits.release(STEPS)
        assert list(heard)[-1]["state"] == "done"


def test_cheap_requests_are_not_behind_a_job(served: Served, gate: Gate) -> None:
    begin(served, 1)
    gate.wait()
    assert served.get("/pairs/1/neurons.npy").status_code == 200
    assert served.get("/pairs/2/dendrogram.npy").status_code == 200


def test_stop_of_the_server_ends_streams_and_jobs(served: Served, gate: Gate) -> None:
    job = begin(served, 1)
    gate.wait()
    last: list[Job] = []
    listening = Event()

    def listen() -> None:
        with httpx.stream(
            "GET", f"{served.client.base_url}/api/jobs/{job['id']}/events", timeout=TIMEOUT
        ) as stream:
            for update in events(stream):
                last.append(update)
                listening.set()

    thread = Thread(target=listen)
    thread.start()
    assert listening.wait(TIMEOUT)
    served.state.end_streams()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    gate.permits.release()
    served.state.close()
    assert served.state.jobs[job["id"]].updates.value.state == "cancelled"


def test_without_network(copied: Path, start: Callable[..., Served]) -> None:
    served = start(copied)
    summary = served.get("").json()
    assert summary["network"]["state"] == "missing"
    assert "--model" in summary["network"]["message"]
    assert served.get("/pairs/1/maps").json()["can_compute"] is False
    response = served.client.post(f"/api/records/{served.name}/jobs", json={"pair": 1})
    assert response.status_code == 409
    assert "needs the network" in response.json()["message"]


class LateNet(nn.Sequential):
    """A network that takes its time to be copied, which is a part of loading it."""

    def __init__(self, loaded: Event) -> None:
        super().__init__(*color_net())
        self.loaded = loaded

    def __deepcopy__(self, _memo: dict[int, object]) -> nn.Sequential:
        assert self.loaded.wait(TIMEOUT)
        return nn.Sequential(*deepcopy(list(self.children())))


@pytest.fixture
def loaded() -> Iterator[Event]:
    """Set to let the network of a record be loaded."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def late(copied: Path, start: Callable[..., Served], loaded: Event) -> Served:
    """A record whose network is being loaded."""
    return start(copied, LateNet(loaded), limits=JobLimits(grace=0.05), wait=False)


def test_job_waits_for_a_network_that_is_loading(late: Served, loaded: Event) -> None:
    job = begin(late, 2)
    assert late.get("/pairs/2/maps").json()["can_compute"] is True
    loaded.set()
    assert ended(late, job)["state"] == "done"


def test_cancelled_while_it_waits_for_the_network(late: Served) -> None:
    waiting = begin(late, 2)
    with late.client.stream("GET", f"/api/jobs/{waiting['id']}/events") as stream:
        heard = events(stream)
        assert any(update["state"] == "running" for update in heard)
        late.client.delete(f"/api/jobs/{waiting['id']}")
        assert list(heard)[-1]["state"] == "cancelled"


def test_a_job_that_comes_after_the_end_is_cancelled(served: Served) -> None:
    served.state.end_streams()
    assert begin(served, 2)["state"] == "cancelled"


def test_a_bug_in_a_job_fails_it(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    served.opened.analysis.vulnerability_maps = broken  # type: ignore[method-assign, assignment]
    last = ended(served, begin(served, 1))
    assert last["state"] == "failed"
    assert "ZeroDivisionError" in last["message"]
    assert "secret" not in last["message"]
    assert "secret" in caplog.text
