"""Networks of served records: loaded at once, and again on demand where that failed."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from torch import Tensor, fx, nn

import vulneuron as vn
from runs import color_net, color_pictures, model_file
from served import Served, assert_error, running_server
from server.gates import begin, ended
from vulneuron.analysis import Analysis
from vulneuron.server.library import Library
from vulneuron.server.network import RETRY_SECONDS, RecordNetwork
from vulneuron.server.problems import NotAvailable


class Interrupted(nn.Sequential):
    """Does something else in the middle of being traced."""

    meanwhile: Callable[[], object] | None = None

    def forward(self, images: Tensor) -> Tensor:
        if isinstance(images, fx.Proxy) and Interrupted.meanwhile is not None:
            Interrupted.meanwhile()
        for layer in self:
            images = layer(images)
        return images


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_of_several_records_gets_its_network(linear: Path, tmp_path: Path) -> None:
    paths = [shutil.copytree(linear, tmp_path / f"{name}.zarr") for name in "abc"]
    library = Library(paths, color_net())
    for record in library:
        assert record.join()
    found = [record.current().network.status for record in library]
    assert [(status.state, status.message) for status in found] == [("ready", None)] * 3
    library.close()


@pytest.mark.slow
def test_a_request_runs_a_network_while_a_job_traces_another(
    linear: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, labels = color_pictures(a_class=10)
    nonlinear = tmp_path / "nonlinear.zarr"
    vn.analyze(color_net(mlp=True), pictures, labels, out=nonlinear)
    copied = shutil.copytree(linear, tmp_path / "linear.zarr")
    with (
        running_server(nonlinear, color_net(mlp=True)) as other,
        running_server(copied, Interrupted(*color_net())) as one,
    ):
        statuses: list[int] = []
        monkeypatch.setattr(
            Interrupted,
            "meanwhile",
            lambda: statuses.append(other.get("/pairs/1/substitution", neurons="0").status_code),
        )
        assert ended(one, begin(one, 1))["state"] == "done"
        assert statuses == [200]


def test_failed_network_is_loaded_again_on_demand(linear: Path, tmp_path: Path) -> None:
    clock, analysis = Clock(), Analysis(linear)
    found = RecordNetwork(analysis, "colors", f"{tmp_path / 'model.py'}:net", clock=clock)
    found.wait(lambda: False)
    assert found.status.state == "missing"
    assert "does not exist" in str(found.status.message)
    model_file(tmp_path)
    # Not each request tries again.
    assert found.demand().state == "missing"
    assert not found.can_compute
    with pytest.raises(NotAvailable, match=r"does not exist.*again after 30 s at the earliest"):
        found.require("a map")
    clock.now = RETRY_SECONDS
    assert found.can_compute
    assert found.demand().state in {"loading", "ready"}
    found.wait(lambda: False)
    assert (found.status.state, found.status.message) == ("ready", None)
    assert analysis.network.ready
    found.require("a map")


def test_network_that_cannot_be_loaded_keeps_its_message(linear: Path, tmp_path: Path) -> None:
    clock = Clock()
    found = RecordNetwork(Analysis(linear), "colors", f"{tmp_path / 'model.py'}:net", clock=clock)
    found.wait(lambda: False)
    first = found.status
    clock.now = RETRY_SECONDS
    found.wait(lambda: False)
    assert found.status == first
    assert not found.can_compute


def test_file_that_a_record_names_is_never_tried_again(linear: Path) -> None:
    clock = Clock()
    found = RecordNetwork(Analysis(linear), "colors", clock=clock)
    found.wait(lambda: False)
    clock.now = 1e9
    assert not found.can_compute
    with pytest.raises(NotAvailable, match=r"not loaded automatically.*Start the server with --model"):
        found.require("a map")


def test_no_network_is_loaded_again_while_the_server_closes(linear: Path, tmp_path: Path) -> None:
    clock, closing = Clock(), Event()
    path = f"{tmp_path / 'model.py'}:net"
    found = RecordNetwork(Analysis(linear), "colors", path, closing=closing.is_set, clock=clock)
    found.wait(lambda: False)
    clock.now = RETRY_SECONDS
    closing.set()
    assert found.demand().state == "missing"


def test_job_loads_the_network_again(copied: Path, tmp_path: Path, start: Callable[..., Served]) -> None:
    impatient = partial(RecordNetwork, retry_seconds=0.0)
    served = start(copied, f"{tmp_path / 'model.py'}:net", network=impatient)
    failed = ended(served, begin(served, 1))
    assert failed["state"] == "failed"
    assert "needs the network of record" in failed["message"]
    assert "does not exist" in failed["message"]
    assert served.get("/pairs/1/maps").json()["can_compute"] is True
    model_file(tmp_path)
    assert ended(served, begin(served, 1))["state"] == "done"
    assert served.get("").json()["network"] == {"state": "ready", "message": None}


def test_request_for_what_is_missing_says_why(
    copied: Path, tmp_path: Path, start: Callable[..., Served]
) -> None:
    served = start(copied, f"{tmp_path / 'model.py'}:net")
    assert served.get("/pairs/1/maps").json()["can_compute"] is False
    response = served.client.post(f"/api/records/{served.name}/jobs", json={"pair": 1})
    assert_error(response, 409, "needs the network", "does not exist", "try again")
