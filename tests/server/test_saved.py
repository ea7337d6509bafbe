"""The routes of findings and groups, against `Record.findings` and `Record.groups`."""

from typing import Any
from urllib.parse import parse_qs

import pytest

import vulneuron as vn
from served import Served, assert_error


def call(served: Served, method: str, path: str, body: object = None, **query: Any) -> Any:
    url = f"/api/records/{served.name}{path}"
    response = served.client.request(method, url, json=body, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_findings(fresh: Served) -> None:
    record = vn.open_record(fresh.path)
    empty: dict[str, Any] = {"unwritable": None, "findings": [], "groups": []}
    assert fresh.get("/saved").json() == empty
    opened = fresh.opened
    body = {"note": "*ears*", "pair": 3, "neurons": [2, 0], "query": "record=old&sort=neuron&pair=3"}
    (first,) = call(fresh, "POST", "/findings", body)["findings"]
    assert parse_qs(first["query"]) == {
        "record": [fresh.name],
        "layer": [record.layers[-1]],
        "pair": ["3"],
        "neurons": ["0,2"],
        "sort": ["neuron"],
    }
    second = record.findings.add(pair=1)
    name = f"/findings/{first['id']}"
    call(fresh, "PATCH", name, {"note": "nose", "revision": 0})
    moved = call(fresh, "PATCH", name, {"position": 1})
    assert [finding["pair"] for finding in moved["findings"]] == [1, 3]
    assert [finding.note for finding in record.findings] == ["", "nose"]
    stale = {"note": "mouth", "revision": 0}
    url = f"/api/records/{fresh.name}{name}"
    assert_error(fresh.client.patch(url, json=stale), 409, "somebody else")

    left = call(fresh, "DELETE", name)
    assert [finding["id"] for finding in left["findings"]] == [second.id]
    assert_error(fresh.client.delete(url), 422, "has no finding")
    restored = call(fresh, "PUT", name, {"finding": moved["findings"][1], "position": 0})
    assert restored["findings"] == moved["findings"][::-1]
    # The record is not opened again, which would drop all that is in memory.
    assert fresh.opened is opened


def test_groups(fresh: Served) -> None:
    record = vn.open_record(fresh.path)
    group = {"name": "a/b ü", "neurons": [2, 0], "pairs": [], "layer": None}
    call(fresh, "POST", "/groups", group)
    url = f"/api/records/{fresh.name}/groups"
    assert_error(fresh.client.post(url, json=group), 409, "already")
    unknown = {"name": "c", "neurons": [], "pairs": [10**6], "layer": None}
    assert_error(fresh.client.post(url, json=unknown), 422, "given pair")
    assert dict(record.groups) == {"a/b ü": vn.Group(neurons=[0, 2], layer=record.layers[-1])}
    (renamed,) = call(fresh, "PATCH", "/groups", {"name": "a/b ü", "new_name": "ears"})["groups"]
    assert renamed == {"name": "ears", "neurons": [0, 2], "pairs": [], "layer": record.layers[-1]}
    assert call(fresh, "DELETE", "/groups", name="ears")["groups"] == []


def test_markdown_has_the_numbers_of_the_analysis(fresh: Served) -> None:
    truth = fresh.truth
    draft = call(fresh, "POST", "/findings/draft", {"note": "See `x`.", "pair": 2, "neurons": [1]})
    assert not len(truth.record.findings)
    draft["title"] = "<b>|one*"
    url, body = f"/api/records/{fresh.name}/findings.md", {"findings": [draft]}
    response = fresh.client.post(url, json={**body, "address": "http://localhost/"})
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    text = response.text
    pair, neuron = truth.pair(2), truth.neurons(2).loc[1]
    place = truth.record.class_names.index(pair.benign_label)
    before, after = pair.benign_probabilities[place], pair.adversarial_probabilities[place]
    assert f"| {pair.benign_label} | {before:.4f} | {after:.4f} |" in text
    assert f"| 1 | {neuron.contribution_benign:.4g} | {neuron.contribution_adversarial:.4g} |" in text
    assert f"{pair.perturbation_l2:.4g}" in text
    assert r"## 1. \<b\>\|one\*" in text
    assert "See `x`." in text
    assert f"(<http://localhost/?{draft['query']}>)" in text
    of_notebook = fresh.client.post(url, json={**body, "address": "http://localhost/token/secret/"})
    assert "secret" not in of_notebook.text
    unknown = {"address": "http://localhost/", "findings": [{**draft, "neurons": [10**6]}]}
    assert_error(fresh.client.post(url, json=unknown), 422, "given neuron 1000000")


@pytest.mark.parametrize("content_type", ["text/plain", ""])
def test_a_form_of_another_site_saves_nothing(fresh: Served, content_type: str) -> None:
    """Browsers send these without asking the server first."""
    url = f"/api/records/{fresh.name}/findings"
    response = fresh.client.post(url, content='{"pair": 1}', headers={"Content-Type": content_type})
    assert response.status_code == 422
    assert not len(vn.open_record(fresh.path).findings)
