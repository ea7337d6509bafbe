"""Means over many pairs: their progress, and their end when the request ends."""

import asyncio
from typing import Any

from fastapi import Request

from served import Served
from vulneuron.engines import Watch
from vulneuron.measures import MEASURES
from vulneuron.server.disconnection import until_left


def test_progress_of_means_that_another_thread_computes(served: Served) -> None:
    count, url = served.truth.data.count, f"/api/records/{served.name}/neurons"
    pairs = range(1, count)
    body = {"pairs": f"1-{count - 1}", "curves": {"confidence": 0.61}}
    known: list[dict[str, int]] = []

    def note(_done: int, _total: int) -> None:
        known.append(served.client.post(f"{url}/progress", json=body).json())

    settings = served.truth.settings.replace(confidence=0.61)
    served.opened.analysis.mean_neurons(pairs, settings=settings, watch=Watch(progress=note))
    # It is reported before a block is computed.
    assert known[0] == {"done": 0, "total": len(pairs)}
    assert [one["done"] for one in known] == sorted(one["done"] for one in known)
    assert served.client.post(f"{url}.npy", json=body).status_code == 200
    finished = served.client.post(f"{url}/progress", json=body).json()
    assert finished == {"done": len(pairs), "total": len(pairs)}


def test_a_computation_ends_with_its_request() -> None:
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def computed() -> None:
        async with until_left(Request({"type": "http"}, messages.get)) as watch:
            assert watch.cancelled is not None
            await messages.put({"type": "http.request"})
            while not messages.empty():
                await asyncio.sleep(0)
            assert not watch.cancelled()
            await messages.put({"type": "http.disconnect"})
            while not watch.cancelled():
                await asyncio.sleep(0)

    asyncio.run(computed())


def test_columns_with_maps_do_not_count(served: Served) -> None:
    analysis = served.opened.analysis
    overlaps = [name for name, measure in MEASURES.items() if "vulnerability_maps" in measure.needs]
    assert analysis.means_done([0, 1], columns=overlaps) == 2
