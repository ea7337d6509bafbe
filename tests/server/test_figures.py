"""Figures of the server are those of `vulneuron.plots`, and its Python code draws the same."""

from typing import Any

import httpx2 as httpx
import pytest

from served import Served, assert_error
from vulneuron import plots
from vulneuron.analysis import Settings


def drawn(served: Served, figure: dict[str, Any], **query: Any) -> httpx.Response:
    path = f"/api/records/{served.name}/figures"
    return served.client.post(path, json={"figure": figure, "vmaps": {"stride": 4}}, params=query)


def test_a_figure_and_its_code(served: Served, tmp_path: Any) -> None:
    settings = Settings(stride=4)
    figure = {"figure": "clusters", "pair": 0, "clusters": 2, "neurons": [1], "width": 85}
    expected = plots.clusters(served.truth.with_settings(settings), 0, clusters=2, neurons=[1], width=85)
    for form, kind in (("svg", "image/svg+xml"), ("pdf", "application/pdf"), ("png", "image/png")):
        answer = drawn(served, figure, format=form, scale=3)
        assert answer.headers["content-type"] == kind
        assert answer.content == expected.to_bytes(form, 3)
    file = str(tmp_path / "clusters.png")
    code = served.client.post(
        f"/api/records/{served.name}/figures/code",
        json={"figure": figure, "vmaps": {"stride": 4}},
        params={"file": file, "scale": 3},
    ).json()["code"]
    assert "plots.clusters(analysis, 0, clusters=2, neurons=[1], width=85)" in code
    exec(compile(code, "code", "exec"), {})  # noqa: S102  our own code
    assert (tmp_path / "clusters.png").read_bytes() == expected.to_bytes("png", 3)


@pytest.mark.parametrize(
    ("figure", "status", "words"),
    [
        ({"figure": "neuron", "pair": 0, "neurons": 1}, 409, ["maps of pair 0 are not available"]),
        ({"figure": "neurons", "pairs": 0, "sort": "iou_benign_drop"}, 409, ["start a job".capitalize()]),
        ({"figure": "neurons", "pairs": 0, "sort": "size"}, 422, ["size"]),
        ({"figure": "neuron", "pair": 999, "neurons": 1}, 422, ["given pair 999"]),
        ({"figure": "pairs", "count": 10**6}, 422, ["at most 200"]),
        ({"figure": "pairs", "width": 1}, 422, ["given width = 1"]),
        ({"figure": "pairs", "wide": 1}, 422, ["wide"]),
        ({"figure": "pie"}, 422, ["pie"]),
    ],
)
def test_what_cannot_be_drawn(served: Served, figure: dict[str, Any], status: int, words: list[str]) -> None:
    assert_error(drawn(served, figure), status, *words)
