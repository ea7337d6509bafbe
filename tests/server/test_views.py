"""Neurons, receptive fields, clusters, context and maps against `Analysis`."""

from typing import Any, get_args

import numpy as np
import pytest

from served import Served, assert_error, decoded
from vulneuron.analysis import Analysis, Settings
from vulneuron.analysis.context import Order
from vulneuron.measures import MEASURES
from vulneuron.measures.context import Scope
from vulneuron.server.network import RecordNetwork

CHOICES: list[tuple[dict[str, Any], Settings]] = [
    ({}, Settings()),
    (
        {"weights": "margin", "band": "quantile", "confidence": 0.8, "band_images": "adversarial"},
        Settings(weights="margin", band="quantile", confidence=0.8, band_images="adversarial"),
    ),
    (
        {"threshold_mode": "relative", "threshold_level": 0.7, "distance": "iou", "linkage": "complete"},
        Settings(threshold_mode="relative", threshold_level=0.7, distance="iou", linkage="complete"),
    ),
    ({"threshold_mode": "quantile"}, Settings(threshold_mode="quantile")),
]


@pytest.mark.parametrize(("query", "settings"), CHOICES)
def test_neurons(served: Served, query: dict[str, Any], settings: Settings) -> None:
    expected = served.truth.neurons(2, settings=settings)
    found = served.array("/pairs/2/neurons.npy", **query)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected.to_numpy(np.float64).T)
    assert np.isnan(found[list(MEASURES).index("iou_benign_drop")]).all()


def test_ious_are_there_when_maps_are(fresh: Served) -> None:
    truth, settings = fresh.truth, Settings(stride=4, top=30)
    truth.vulnerability_maps(2, stride=4)
    body = {"pairs": "0-3", "vmaps": {"stride": 4}}
    missing = fresh.client.post(f"/api/records/{fresh.name}/stored-maps", json=body).json()["missing"]
    assert missing == "0-1,3"
    expected = truth.neurons(2, settings=settings)
    found = fresh.array("/pairs/2/neurons.npy", stride=4, top=30)
    np.testing.assert_array_equal(found, expected.to_numpy(np.float64).T)
    assert not np.isnan(found[list(MEASURES).index("iou_benign_drop")]).any()


@pytest.mark.parametrize("intervals", [False, True])
def test_rank(served: Served, intervals: bool) -> None:
    body = {
        "pairs": "0-3,7",
        "sort_by": "curve_gap",
        "curves": {"weights": "margin"},
        "intervals": intervals,
    }
    found = decoded(served.client.post(f"/api/records/{served.name}/neurons.npy", json=body))
    expected = served.truth.rank([0, 1, 2, 3, 7], sort_by="curve_gap", settings=Settings(weights="margin"))
    values = expected.to_numpy(np.float64).T
    np.testing.assert_array_equal(found[:-2], values[:-2])
    if intervals:
        np.testing.assert_array_equal(found[-2:], values[-2:])
    else:
        assert np.isnan(found[-2:]).all()


def test_only_the_columns_asked_for(served: Served) -> None:
    body = {"pairs": "0-9", "columns": ["band_gap"]}
    found = decoded(served.client.post(f"/api/records/{served.name}/neurons.npy", json=body))
    assert np.isnan(np.delete(found, list(MEASURES).index("band_gap"), axis=0)).all()
    expected = served.truth.mean_neurons(np.arange(10))
    np.testing.assert_array_equal(found[list(MEASURES).index("band_gap")], expected["band_gap"])


def test_unknown_column(served: Served) -> None:
    body = {"pairs": "0-9", "columns": ["beauty"]}
    response = served.client.post(f"/api/records/{served.name}/neurons.npy", json=body)
    assert_error(response, 422, "beauty", "band_gap")


def test_rank_by_something_unknown(served: Served) -> None:
    body = {"pairs": "0-3", "sort_by": "beauty"}
    response = served.client.post(f"/api/records/{served.name}/neurons.npy", json=body)
    assert_error(response, 422, "beauty", "band_gap")


def test_rank_by_what_no_pair_has_a_value_of(fresh: Served) -> None:
    body = {"pairs": "0-3", "sort_by": "iou_benign_drop"}
    found = decoded(fresh.client.post(f"/api/records/{fresh.name}/neurons.npy", json=body))
    known = decoded(fresh.client.post(f"/api/records/{fresh.name}/neurons.npy", json={"pairs": "0-3"}))
    count = len(MEASURES)
    np.testing.assert_array_equal(found[:count], known[:count])
    assert np.isnan(found[count:]).all()
    assert np.isnan(known[count:]).all()


@pytest.mark.parametrize("into", ["benign", "adversarial"])
def test_substitution(served: Served, into: Any) -> None:
    body = served.get("/pairs/1/substitution", neurons="0,2-3").json()[into]
    expected = served.truth.substitute(1, [0, 2, 3], into=into)
    assert body["benign_drop"] == expected.benign_drop
    assert body["adversarial_gain"] == expected.adversarial_gain
    assert body["label"] == np.argmax(expected.logits)
    shown = served.get("/pairs/1").json()["probabilities"][into]
    assert [one["label"] for one in body["probabilities"]] == [one["label"] for one in shown]
    shifted = np.exp(expected.logits - expected.logits.max())
    for one in body["probabilities"]:
        assert one["probability"] == pytest.approx(shifted[one["label"]] / shifted.sum())


@pytest.mark.parametrize(("query", "settings"), CHOICES)
def test_masks(served: Served, query: dict[str, Any], settings: Settings) -> None:
    masks = served.truth.masks(6, settings=settings)
    chosen = np.stack([masks.benign[[3, 0, 1]], masks.adversarial[[3, 0, 1]]])
    for combine, expected in {
        "union": chosen.any(axis=1),
        "intersection": chosen.all(axis=1),
        "each": chosen.swapaxes(0, 1),
    }.items():
        found = served.array("/pairs/6/masks.npy", neurons="3,0-1", combine=combine, **query)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.uint8


@pytest.mark.parametrize(("query", "settings"), CHOICES)
def test_masks_of_one_neuron(served: Served, query: dict[str, Any], settings: Settings) -> None:
    found = served.array("/neurons/1/masks.npy", pairs="7,2", **query)
    for row, pair in enumerate([7, 2]):
        masks = served.truth.masks(pair, settings=settings)
        np.testing.assert_array_equal(found[row], [masks.benign[1], masks.adversarial[1]])


@pytest.mark.parametrize(("query", "settings"), CHOICES)
def test_dendrogram(served: Served, query: dict[str, Any], settings: Settings) -> None:
    expected = served.truth.dendrogram(4, settings=settings).linkage
    np.testing.assert_array_equal(served.array("/pairs/4/dendrogram.npy", **query), expected)


@pytest.mark.parametrize("order", get_args(Order))
@pytest.mark.parametrize("scope", get_args(Scope))
def test_context(served: Served, order: Any, scope: Any) -> None:
    given = [9, 3, 1, 7, 5, 2] if scope == "given" else None
    chosen = {"neuron": 2, "order": order, "scope": scope, "count": 4, "start": 1}
    url = f"/api/records/{served.name}/pairs/3/context"
    text = None if given is None else ",".join(map(str, given))
    body = served.client.post(url, json={**chosen, "pairs": text, "curves": {"weights": "margin"}}).json()
    settings = Settings(weights="margin")
    pairs = served.truth.context(3, **chosen, pairs=given, settings=settings).pairs.tolist()
    record = served.truth.record
    assert (body["pairs"], body["order"], body["scope"]) == (pairs, order, scope)
    for code, side in enumerate(("benign", "adversarial")):
        activations = record.layer().dataset["activation"].values[pairs, code, 2]
        assert body[f"{side}_activations"] == activations.tolist()
        confidences = record.pairs[f"{side}_label_p_{side}"][pairs]
        assert body[f"{side}_confidences"] == confidences.tolist()
    changes = [
        served.truth.neurons(pair, columns=["curve_gap"], settings=settings)["curve_gap"][2] for pair in pairs
    ]
    assert body["changes"] == pytest.approx(changes, abs=1e-12)
    values = {
        "activation": body["benign_activations"],
        "confidence": body["benign_confidences"],
        "fall": [-change for change in changes],
        "rise": changes,
    }
    if order in values:
        assert values[order] == sorted(values[order], reverse=True)
    elif given:
        assert pairs == given[1:5]


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["union", "intersection"])
@pytest.mark.parametrize("side", ["benign", "adversarial"])
def test_overlap_of_what_is_shown(fresh: Served, combine: Any, side: Any) -> None:
    query = {"stride": 4, "top": 35, "iou_side": side, "threshold_mode": "relative"}
    fresh.truth.vulnerability_maps(2, stride=4)
    body = fresh.get("/pairs/2/overlap", neurons="0,2-3", combine=combine, **query).json()
    code = ("benign", "adversarial").index(side)
    field = fresh.array("/pairs/2/masks.npy", neurons="0,2-3", combine=combine, **query)[code] == 1
    top = fresh.array("/pairs/2/top.npy", **query) == 1
    for kind, name in enumerate(("benign_drop", "adversarial_gain")):
        assert body[name] == pytest.approx((field & top[kind]).sum() / (field | top[kind]).sum())
    alone = fresh.get("/pairs/2/overlap", neurons="3", **query).json()
    column = fresh.array("/pairs/2/neurons.npy", **query)[list(MEASURES).index("iou_benign_drop")]
    assert alone["benign_drop"] == column[3]


def test_maps_that_are_there(fresh: Served) -> None:
    truth = fresh.truth
    maps = truth.vulnerability_maps(2, patch=4, stride=4)
    state = fresh.get("/pairs/2/maps", stride=4).json()
    assert state == {
        "ready": True,
        "can_compute": True,
        "patch": 4,
        "stride": 4,
        "grid": [3, 3],
    }
    expected = np.stack([maps.benign_drop, maps.adversarial_gain])
    np.testing.assert_array_equal(fresh.array("/pairs/2/maps.npy", patch=4, stride=4), expected)
    top = truth.top_masks(2, settings=Settings(stride=4, top=35))
    found = fresh.array("/pairs/2/top.npy", stride=4, top=35)
    np.testing.assert_array_equal(found, np.stack([top.benign_drop, top.adversarial_gain]))


def test_maps_that_are_not_there(fresh: Served) -> None:
    assert fresh.get("/pairs/2/maps").json()["ready"] is False
    for name in ("maps.npy", "top.npy"):
        assert_error(fresh.get(f"/pairs/2/{name}"), 409, "are not available", "job")
    assert_error(fresh.get("/pairs/2/overlap", neurons="0"), 409, "are not available", "job")
    assert fresh.get("/pairs/2/maps").json()["ready"] is False


def test_substitution_without_the_network(fresh: Served) -> None:
    analysis = Analysis(fresh.opened.record)
    fresh.opened.analysis, fresh.opened.network = analysis, RecordNetwork(analysis, fresh.name)
    response = fresh.get("/pairs/1/substitution", neurons="0")
    if "weight" in fresh.truth.record.layer().dataset:
        assert response.status_code == 200
    else:
        assert_error(response, 409, "needs the network")
