"""The dashboard as a notebook widget: its traits without a page."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image

import vulneuron as vn
from runs import SIDE, color_net
from served import assert_error, below
from vulneuron.errors import VulneuronError
from vulneuron.server.widget import DashboardWidget


@pytest.fixture(scope="module")
def widget(linear: Path) -> Iterator[DashboardWidget]:
    shown = vn.show(linear, model=color_net(), height=700)
    assert isinstance(shown, DashboardWidget)
    yield shown
    shown.stop()


def test_begins_with_the_first_view(widget: DashboardWidget, linear: Path) -> None:
    summary = httpx.get(below(widget.url, "api/records/colors")).json()
    first, pairs = summary["first_view"], vn.open_record(linear).pairs
    assert (widget.layer, widget.pair, widget.neurons) == (
        summary["layer"],
        first["pair"],
        (first["neuron"],),
    )
    labels = (summary["classes"][first["benign"]], summary["classes"][first["adversarial"]])
    cell = pairs[(pairs["benign_label"] == labels[0]) & (pairs["adversarial_label"] == labels[1])]
    assert widget.selection().equals(cell)


def test_only_its_secret_path_is_served(widget: DashboardWidget) -> None:
    page = httpx.get(widget.url, headers={"Host": "hub.example.org"})
    assert page.status_code == 200
    ancestors = page.headers["content-security-policy"].rpartition("frame-ancestors ")[2].split()
    assert {"https:", "http:", "vscode-webview:"} <= set(ancestors)
    secret = below(widget.url, "").path
    for path in ("/", "/api/records", secret[:-2] + "/", f"{secret[:-2]}x/api/records"):
        assert_error(httpx.get(httpx.URL(widget.url).copy_with(path=path, query=None)), 401, "token")


def test_notifies_of_changes(widget: DashboardWidget) -> None:
    seen = []
    widget.observe(lambda change: seen.append((change.name, change.new)), ["pair", "neurons", "pairs"])
    widget.pair = np.int64(5)
    widget.neurons = [3, 1, 3]
    widget.neurons = (1, 3)
    widget.pairs = range(4)
    widget.unobserve_all("pair")
    assert seen == [("pair", 5), ("neurons", (1, 3)), ("pairs", (0, 1, 2, 3))]
    assert list(widget.selection().index) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pair", "x", "given pair = 'x'. Allowed: a whole number from 0 to"),
        ("pair", None, "given pair = None"),
        ("pair", 1.5, "given pair = 1.5"),
        ("pair", 99, "given pair 99"),
        ("pair", -1, "given pair -1"),
        ("pairs", [], "given pairs = no number"),
        ("pairs", 3, "given pairs = 3"),
        ("neurons", "0-3", "given neurons = '0-3'"),
        ("neurons", [9], "given neuron 9"),
        ("neurons", [0, "a"], "given neuron = 'a'"),
        ("layer", "nowhere", "given layer = 'nowhere'"),
    ],
)
def test_refuses_what_the_record_does_not_have(
    widget: DashboardWidget, name: str, value: Any, message: str
) -> None:
    before = getattr(widget, name)
    with pytest.raises(VulneuronError) as caught:
        setattr(widget, name, value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert getattr(widget, name) == before


def test_has_a_picture_for_readers_without_a_kernel(
    widget: DashboardWidget, linear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("vulneuron.server.widget.display", lambda output, **_options: shown.append(output))
    widget._ipython_display_()
    assert "application/vnd.jupyter.widget-view+json" in shown[0]
    page = shown[1].data
    assert "Run this cell again" in page
    (encoded,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    side = 16 * SIDE
    assert picture.size == (4 * side + 3 * 8, side)
    first = httpx.get(below(widget.url, "api/records/colors")).json()["first_view"]["pair"]
    benign = np.rint(vn.open_record(linear).images(first, "benign") * 255)
    pixels = np.asarray(picture)[8::16, 8:side:16]
    np.testing.assert_array_equal(pixels, np.moveaxis(benign, 0, -1))
