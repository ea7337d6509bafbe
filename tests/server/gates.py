"""Jobs under control: a computation that waits for permits, and what a client hears of it."""

import json
from collections.abc import Iterator
from threading import Semaphore
from typing import Any

import httpx2 as httpx
import numpy as np

from served import TIMEOUT, Served
from vulneuron.engines import Watch
from vulneuron.errors import Cancelled
from vulneuron.maps.vulnerability_map import VulnerabilityMaps

Job = dict[str, Any]
STEPS = 6


class Gate:
    """Stands in for the computation of maps: goes one batch further for each permit."""

    def __init__(self) -> None:
        self.permits = Semaphore(0)
        self.begun: list[int] = []
        self.begins = Semaphore(0)

    def __call__(
        self,
        pair: int,
        *,
        watch: Watch,
        **_options: object,
    ) -> VulnerabilityMaps:
        self.begun.append(pair)
        self.begins.release()
        for step in range(STEPS):
            if watch.cancelled is not None and watch.cancelled():
                raise Cancelled("stopped", allowed="all", fix="again")
            assert self.permits.acquire(timeout=TIMEOUT)
            if watch.progress is not None:
                watch.progress(step + 1, STEPS)
        return VulnerabilityMaps(np.zeros((1, 1)), np.zeros((1, 1)), 4, 1, "gate")

    def wait(self) -> None:
        assert self.begins.acquire(timeout=TIMEOUT)


def begin(served: Served, pair: int, **options: Any) -> Job:
    response = served.client.post(f"/api/records/{served.name}/jobs", json={"pair": pair, **options})
    assert response.status_code == 200, response.text
    job: Job = response.json()
    return job


def state(served: Served, job: Job) -> Job:
    found: Job = served.client.get(f"/api/jobs/{job['id']}").json()
    return found


def events(response: httpx.Response) -> Iterator[Job]:
    kind = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            assert kind == "progress"
            yield json.loads(value)


def ended(served: Served, job: Job) -> Job:
    with served.client.stream("GET", f"/api/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return list(events(stream))[-1]
