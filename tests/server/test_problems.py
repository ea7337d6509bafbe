"""Requests that cannot be answered: the right status, and one clear message."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from served import Served, assert_error
from vulneuron.errors import VulneuronError
from vulneuron.server.app import create_app
from vulneuron.server.library import Library
from vulneuron.server.parsing import format_numbers, parse_numbers


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/records/none", 404, ["'none'", "some-run"]),
        ("/api/records/some-run/pairs/99", 404, ["pair 99", "0 to"]),
        ("/api/records/some-run/pairs/-1/neurons.npy", 404, ["pair -1"]),
        ("/api/records/some-run/pairs/x", 422, ["pair", "integer"]),
        ("/api/records/some-run/pairs/1e3", 422, ["pair", "integer"]),
        ("/api/records/some-run/pairs/0/images/front.png", 422, ["side", "'front'", "difference"]),
        ("/api/records/some-run/pairs/0/masks.npy", 422, ["no neurons"]),
        ("/api/records/some-run/pairs/0/masks.npy?neurons=4", 404, ["neuron 4", "0 to 3"]),
        ("/api/records/some-run/pairs/0/masks.npy?neurons=1-", 422, ["'1-'", "0-5,9"]),
        ("/api/records/some-run/pairs/0/masks.npy?neurons=3-1", 422, ["ascending"]),
        ("/api/records/some-run/pairs/0/masks.npy?neurons=0&combine=xor", 422, ["combine", "'xor'"]),
        ("/api/records/some-run/pairs/0/masks.npy?neurons=0,1,2,3,0,1,2,3,0", 422, ["at most 8"]),
        ("/api/records/some-run/pairs/0/neurons.npy?weights=heavy", 422, ["weights", "'heavy'", "margin"]),
        ("/api/records/some-run/pairs/0/neurons.npy?top=0", 422, ["top", "above 0"]),
        ("/api/records/some-run/pairs/0/neurons.npy?confidence=nan", 422, ["confidence"]),
        ("/api/records/some-run/pairs/0/neurons.npy?threshold_level=inf", 422, ["threshold_level"]),
        (
            "/api/records/some-run/pairs/0/neurons.npy?threshold_mode=quantile&threshold_level=2",
            422,
            ["quantile threshold 2", "0 to 1"],
        ),
        ("/api/records/some-run/pairs/0/maps?patch=3", 422, ["patch = '3'", "multiple of 2"]),
        ("/api/records/some-run/pairs/0/maps?stride=99", 422, ["stride = 99"]),
        ("/api/records/some-run/neurons/7/masks.npy?pairs=1", 404, ["neuron 7"]),
        ("/api/records/some-run/thumbnails?pairs=999999999999", 404, ["pair 999999999999"]),
        ("/api/records/some-run/thumbnails?pairs=0-99999999999999999999", 422, ["0-5,9"]),
        ("/api/records/some-run/thumbnails?pairs=1&size=4", 422, ["size", "8"]),
        ("/api/jobs/none", 404, ["job 'none'"]),
        ("/api/jobs/none/events", 404, ["job 'none'"]),
        ("/api/sessions/a.b/state", 422, ["session"]),
        ("/api/nothing", 404, ["/api/nothing"]),
        ("/docs", 404, ["/docs"]),
        ("/../../etc/passwd", 404, []),
        ("/..%2f..%2fetc/passwd", 404, []),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, []),
        ("/api/records/..%2f..%2fetc", 404, []),
        ("/api/records/%00", 404, []),
        ("/assets/%00", 404, []),
    ],
)
def test_errors(served: Served, path: str, status: int, words: list[str]) -> None:
    assert_error(served.client.get(path), status, *words)


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", "/api/records/some-run/neurons.npy", 422, {}),
        ("POST", "/api/records/some-run/neurons.npy", 422, {"pairs": "0", "color": "red"}),
        ("POST", "/api/records/some-run/neurons.npy", 422, {"pairs": "0", "curves": {"color": "red"}}),
        ("POST", "/api/records/some-run/neurons.npy", 422, [1]),
        ("POST", "/api/records/some-run/pairs/0/context", 404, {"neuron": 9}),
        ("POST", "/api/records/some-run/pairs/0/context", 422, {"neuron": -1}),
        ("POST", "/api/records/some-run/pairs/0/context", 422, {"neuron": 1, "scope": "given"}),
        ("POST", "/api/records/some-run/jobs", 404, {"pair": 99}),
        ("POST", "/api/records/some-run/jobs", 422, {"pair": 1, "kind": "coffee"}),
        ("POST", "/api/records/some-run/jobs", 422, {"pair": 1, "vmaps": {"patch": 3}}),
        ("POST", "/api/records/some-run", 405, {}),
        ("DELETE", "/api/jobs/none", 404, None),
        ("PUT", "/api/sessions/one/state", 422, {"query": "x" * 20_000}),
        ("POST", "/", 405, None),
    ],
)
def test_errors_of_bodies(served: Served, method: str, path: str, status: int, body: Any) -> None:
    assert_error(served.client.request(method, path, json=body), status)


def test_bodies_of_forms_are_refused(served: Served) -> None:
    """A form of another site can send these without asking; JSON it cannot."""
    response = served.client.post(
        "/api/records/some-run/jobs", content='{"pair": 1}', headers={"Content-Type": "text/plain"}
    )
    assert_error(response, 422)


def test_a_bug_shows_no_traceback(fresh: Served, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    fresh.opened.analysis.dendrogram = broken  # type: ignore[method-assign, assignment]
    response = fresh.get("/pairs/0/dendrogram.npy")
    assert_error(response, 500, "ZeroDivisionError")
    assert "secret" not in response.text
    assert "secret" in caplog.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert fresh.get("/pairs/0").status_code == 200


def test_missing_pages_say_how_to_build_them(served: Served) -> None:
    page = served.client.get("/")
    assert page.status_code == 200
    assert "npm --prefix web run build" in page.text


def test_built_pages(tmp_path: Path) -> None:
    pages = tmp_path / "static"
    (pages / "assets").mkdir(parents=True)
    (pages / "index.html").write_text("<title>Vulneuron</title>")
    (pages / "assets" / "index-1a2b.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (pages / "link.txt").symlink_to(tmp_path / "secret.txt")
    app = create_app(Library([]), pages=pages)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        assert client.get("/").text == "<title>Vulneuron</title>"
        assert client.get("/").headers["cache-control"] == "no-cache"
        assert "immutable" in client.get("/assets/index-1a2b.js").headers["cache-control"]
        assert client.get("/assets/index-1a2b.js").headers["content-type"].startswith("text/javascript")
        for path in ("/assets", "/assets/", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/api/no"):
            assert_error(client.get(path), 404)
    app.state.server.close()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", [0]), ("3,1,3", [3, 1, 3]), ("0-3,9", [0, 1, 2, 3, 9]), (" 4 - 5 , 1 ", [4, 5, 1])],
)
def test_numbers(text: str, numbers: list[int]) -> None:
    np.testing.assert_array_equal(parse_numbers(text, name="pair", count=10), numbers)


@pytest.mark.parametrize("text", ["", ",", "1,", "-1", "1--2", "1.5", "a", "²", "1;2", "0x1", "5-4"])
def test_what_is_no_list_of_numbers(text: str) -> None:
    with pytest.raises(VulneuronError, match=r"numbers and ranges|ascending"):
        parse_numbers(text, name="pair", count=10)


@pytest.mark.parametrize("numbers", [[5], [1, 2, 3], [9, 0, 1, 1, 7, 8]])
def test_numbers_as_text(numbers: list[int]) -> None:
    text = format_numbers(numbers)
    np.testing.assert_array_equal(parse_numbers(text, name="pair", count=10), sorted(set(numbers)))
    assert len(text) <= 7
