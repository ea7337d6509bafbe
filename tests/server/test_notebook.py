"""The dashboard in a notebook: shown inline, read and set from Python."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2 as httpx
import pytest

import vulneuron as vn
from runs import color_net
from served import TIMEOUT, below
from vulneuron.errors import VulneuronError
from vulneuron.network import Classifier
from vulneuron.server.library import Library
from vulneuron.server.network import RecordNetwork

#: Less than a server used to wait for a network that is being loaded.
PATIENCE = 6.0


@pytest.fixture
def dashboard(linear: Path) -> Iterator[vn.Dashboard]:
    shown = vn.Dashboard(Library([linear], color_net()), height=700)
    yield shown
    shown.stop()


def session_of(dashboard: vn.Dashboard) -> httpx.URL:
    session = httpx.URL(dashboard.url).params["session"]
    return below(dashboard.url, f"api/sessions/{session}/state")


def test_shows_itself_in_a_frame(dashboard: vn.Dashboard) -> None:
    frame = dashboard._repr_html_()
    assert frame.startswith("<iframe ")
    assert 'height="700"' in frame
    assert dashboard.url.replace("&", "&amp;") in frame
    assert httpx.URL(dashboard.url).params["record"] == "colors"
    page = httpx.get(dashboard.url)
    assert page.status_code == 200
    assert "http://localhost:*" in page.headers["content-security-policy"].rpartition("frame-ancestors")[2]


def test_begins_with_the_first_view(dashboard: vn.Dashboard) -> None:
    summary = httpx.get(below(dashboard.url, "api/records/colors")).json()
    assert dashboard.state == {}
    assert dashboard.pair == summary["first_view"]["pair"]
    assert dashboard.neurons == (summary["first_view"]["neuron"],)


def test_reads_what_the_page_shows(dashboard: vn.Dashboard) -> None:
    httpx.put(session_of(dashboard), json={"query": "record=colors&pair=7&neurons=0-1,3&zoom="})
    assert dashboard.pair == 7
    assert dashboard.neurons == (0, 1, 3)
    assert dashboard.state == {"record": "colors", "pair": "7", "neurons": "0-1,3", "zoom": ""}


def test_sets_what_the_page_shows(dashboard: vn.Dashboard) -> None:
    httpx.put(session_of(dashboard), json={"query": "record=colors&sort=curve_gap&focus=2"})
    dashboard.pair = 5
    dashboard.neurons = [3, 1, 2]
    query = httpx.get(session_of(dashboard)).json()["query"]
    assert httpx.QueryParams(query) == httpx.QueryParams(
        {"record": "colors", "sort": "curve_gap", "pair": "5", "neurons": "1-3"}
    )
    assert (dashboard.pair, dashboard.neurons) == (5, (1, 2, 3))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pair", 99, "pair 99"),
        ("pair", -1, "pair -1"),
        ("pair", "x", "given pair = 'x'"),
        ("neurons", [9], "neuron 9"),
        ("neurons", [], "neurons"),
    ],
)
def test_refuses_what_the_record_does_not_have(
    dashboard: vn.Dashboard, name: str, value: Any, message: str
) -> None:
    with pytest.raises(VulneuronError, match=message):
        setattr(dashboard, name, value)


def test_stops(dashboard: vn.Dashboard) -> None:
    dashboard.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(dashboard.url)
    dashboard.stop()


def test_stops_while_the_network_is_loading(linear: Path, caplog: pytest.LogCaptureFixture) -> None:
    loading, released = Event(), Event()

    def load(*_: object) -> Classifier:
        loading.set()
        assert released.wait(TIMEOUT)
        raise RuntimeError("cannot schedule new futures after shutdown")

    library = Library([linear], color_net(), network=partial(RecordNetwork, load=load), patience=0.01)
    dashboard = vn.Dashboard(library)
    assert loading.wait(TIMEOUT)
    stopping = Thread(target=dashboard.stop)
    stopping.start()
    stopping.join(PATIENCE)
    ended = not stopping.is_alive()
    released.set()
    stopping.join(TIMEOUT)
    assert library["colors"].join()
    assert ended
    assert not caplog.text


@pytest.mark.parametrize("on_hub", [True, False])
def test_behind_a_proxy(linear: Path, monkeypatch: pytest.MonkeyPatch, on_hub: bool) -> None:
    if on_hub:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
    dashboard = vn.Dashboard(Library([linear]), proxy=None if on_hub else "/user/me/proxy/{port}")
    try:
        url = httpx.URL(dashboard.url)
        assert not url.host
        prefix, _, rest = url.path.partition("/token/")
        port = prefix.rpartition("/")[2]
        assert prefix == f"/user/me/proxy/{port}"
        # The proxy hands on the host that the browser named, and the path behind its own.
        direct, hub = f"http://127.0.0.1:{port}", {"Host": "hub.example.org"}
        assert httpx.get(f"{direct}/api/records", headers=hub).status_code == 401
        assert httpx.get(f"{direct}/token/{rest}api/records", headers=hub).status_code == 200
        assert httpx.get(f"{direct}/token/{rest}", params=url.params, headers=hub).status_code == 200
    finally:
        dashboard.stop()


def test_without_anywidget_it_is_a_frame(linear: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vulneuron.server.notebook.find_spec", lambda _name: None)
    dashboard = vn.open_record(linear).show(height=700)
    try:
        assert type(dashboard) is vn.Dashboard
        assert "Run this cell again" in dashboard._repr_html_()
    finally:
        dashboard.stop()
