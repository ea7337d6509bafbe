"""Records, summary, pairs and matrix against the record itself."""

import json

import numpy as np
import pytest

from runs import CLASS_NAMES, SIDE, all_arrays
from served import Served, assert_error, decoded
from vulneuron.analysis import PAIR_FILTERS
from vulneuron.measures import MEASURES, SIDES


def test_listing(served: Served) -> None:
    record = served.truth.record
    listed = served.client.get("/api/records").json()
    assert listed == [
        {
            "id": "some-run",
            "available": True,
            "message": None,
            "progress": None,
            "pairs": len(record.pairs),
            "neurons": 4,
            "classes": 3,
        }
    ]


def test_summary(served: Served) -> None:
    truth, summary = served.truth, served.get("").json()
    info, pairs = truth.record.info(), truth.record.pairs
    assert summary["classes"] == list(CLASS_NAMES)
    assert summary["used_classes"] == [0, 1, 2]
    assert summary["pairs"] == len(pairs)
    assert summary["image"] == {"height": SIDE, "width": SIDE, "channels": 3}
    assert summary["map"] == {"height": SIDE, "width": SIDE}
    linear = "weight" in truth.record.layer().dataset
    assert summary["head"] == ("linear" if linear else "gradient x activation")
    assert summary["attack"]["name"] == "pgd"
    assert summary["attack"]["eps_text"] == "8/255"
    assert summary["attack"]["parameters"]["steps"] == "7"
    assert summary["attack"]["parameters"]["random_start"] == "yes"
    assert summary["counts"] == {
        "images": info["images"],
        "right": info["correct"],
        "attacked": info["attacked"],
        "succeeded": info["successes"],
    }
    for rate in ("clean_accuracy", "attack_success_rate", "robust_accuracy"):
        assert summary[rate] == info[rate]
    assert summary["network"] == {"state": "ready", "message": None}
    assert summary["neuron_columns"] == list(MEASURES)
    assert summary["rank_columns"] == [*MEASURES, "rank", "rank_low", "rank_high"]
    assert [one["name"] for one in summary["measures"] if one["ranks"]] == list(MEASURES.sortable_names)
    assert {one["name"] for one in summary["measures"]} == set(MEASURES)
    for one in summary["measures"]:
        declared = MEASURES[one["name"]]
        assert one["ends"] == list(declared.ends)
        for field in ("label", "meaning", "unit", "group", "family", "part", "first", "signed", "display"):
            assert one[field] == getattr(declared, field)
    assert summary["defaults"]["curves"]["confidence"] == 0.95
    assert summary["provenance"]["versions torch"] == info["versions"]["torch"]
    assert "model probe" not in summary["provenance"]
    assert summary["provenance"]["pairs that survive rounding to 8 bits"] == str(info["survive_8bit"])
    assert summary["provenance"][f"layer {info['layers'][0]['layer']}: neurons"] == str(
        info["layers"][0]["neurons"]
    )


def test_first_view_is_the_most_inhibited_neuron_of_the_least_changed_pair(served: Served) -> None:
    truth, first = served.truth, served.get("").json()["first_view"]
    matrix = truth.prediction_matrix()
    names = truth.record.class_names
    assert matrix.loc[names[first["benign"]], names[first["adversarial"]]] == matrix.to_numpy().max() >= 5
    pairs = truth.record.pairs
    cell = pairs[
        (pairs.benign_label == names[first["benign"]])
        & (pairs.adversarial_label == names[first["adversarial"]])
    ]
    # Maps of pairs whose benign label is certain would be all but zero.
    sure = cell["benign_label_p_benign"]
    unsure = cell[sure <= 0.99]
    assert first["pair"] == (unsure["perturbation_l2"].idxmin() if len(unsure) else sure.idxmin())
    gaps = truth.neurons(first["pair"])["band_gap"].sort_values()
    covers = [
        all(truth.receptive_field(first["pair"], neuron, side).mask.any() for side in SIDES)
        for neuron in gaps.index
    ]
    assert first["neuron"] == gaps.index[covers.index(True) if any(covers) else 0]


def test_pairs(served: Served) -> None:
    record = served.truth.record
    table = dict(zip(served.get("").json()["pair_columns"], served.array("/pairs.npy"), strict=True))
    data, pairs = all_arrays(record), record.pairs
    for side, name in enumerate(("benign", "adversarial")):
        for axis, letter in enumerate("xy"):
            np.testing.assert_array_equal(table[f"{name}_{letter}"], data["projection"].values[:, side, axis])
        np.testing.assert_array_equal(table[f"{name}_label"], data[f"{name}_label"].values)
    for column, name in {
        "perturbation_l2": "perturbation_l2",
        "perturbation_linf": "perturbation_linf",
        "benign_probability": "benign_label_p_benign",
        "adversarial_probability": "adversarial_label_p_adversarial",
        "survives_8bit": "survives_8bit",
        "image_index": "image_index",
    }.items():
        np.testing.assert_array_equal(table[column], pairs[name].to_numpy(np.float32))
    drop = pairs.benign_label_p_benign - pairs.benign_label_p_adversarial
    gain = pairs.adversarial_label_p_adversarial - pairs.adversarial_label_p_benign
    for column, values in {
        "benign_drop": drop,
        "adversarial_gain": gain,
        "probability_change": drop + gain,
    }.items():
        np.testing.assert_allclose(table[column], values, rtol=1e-6)


def test_orders_of_pairs_are_those_of_python(served: Served) -> None:
    summary = served.get("").json()
    table = dict(zip(summary["pair_columns"], served.array("/pairs.npy"), strict=True))
    assert len(summary["pair_orders"]) >= 6
    for order in summary["pair_orders"]:
        sign = -1 if order["first"] == "largest" else 1
        wanted = sorted(range(summary["pairs"]), key=lambda pair: sign * table[order["value"]][pair])
        assert served.truth.order_pairs(order["name"]).tolist() == wanted


def test_matrix(served: Served) -> None:
    data = served.truth.record.dataset
    expected = np.zeros((3, 3), np.int32)
    np.add.at(expected, (data["benign_label"].values, data["adversarial_label"].values), 1)
    matrix = served.array("/matrix.npy")
    np.testing.assert_array_equal(matrix, expected)
    assert matrix.dtype == np.int32


@pytest.mark.parametrize("pair", [0, 5])
def test_pair(served: Served, pair: int) -> None:
    record, body = served.truth.record, served.get(f"/pairs/{pair}").json()
    row = record.pairs.loc[pair]
    assert body["image_id"] == row["image_id"]
    assert CLASS_NAMES[body["benign_label"]] == row["benign_label"]
    assert CLASS_NAMES[body["adversarial_label"]] == row["adversarial_label"]
    assert body["perturbation_l2"] == pytest.approx(row["perturbation_l2"])
    assert body["survives_8bit"] == row["survives_8bit"]
    for side, name in enumerate(("benign", "adversarial")):
        logits = record.dataset["logit"].values[pair, side].astype(np.float64)
        expected = np.exp(logits) / np.exp(logits).sum()
        found = body["probabilities"][name]
        labels = [one["label"] for one in found]
        own = {body["benign_label"], body["adversarial_label"]}
        assert own <= set(labels)
        assert len(labels) == 3
        assert max(set(range(len(expected))) - own, key=expected.__getitem__) in labels
        np.testing.assert_allclose([one["probability"] for one in found], expected[labels], rtol=1e-6)
        assert labels == sorted(labels, key=lambda label: -expected[label])


def test_what_does_not_change_is_cached(served: Served) -> None:
    fingerprint = served.get("").json()["fingerprint"]
    for path in ("/pairs.npy", "/matrix.npy", "/pairs/1/images/benign.png", "/thumbnails?pairs=1,2"):
        mark = "&" if "?" in path else "?"
        url = f"/api/records/{served.name}{path}"
        lasting = served.client.get(f"{url}{mark}v={fingerprint}")
        assert "immutable" in lasting.headers["cache-control"]
        asked = served.client.get(url)
        assert asked.headers["cache-control"] == "private, no-cache"
        again = served.client.get(url, headers={"If-None-Match": asked.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    decoded(served.get("/pairs.npy", v="another"))


def test_numbers_of_settings_are_not_cached(served: Served) -> None:
    assert served.get("/pairs/0/neurons.npy").headers["cache-control"] == "no-store"


def test_summary_is_valid_json(served: Served) -> None:
    json.loads(served.get("").text, parse_constant=pytest.fail)


def test_filters_tell_pairs_apart(served: Served) -> None:
    summary = served.get("").json()
    table = dict(zip(summary["pair_columns"], served.array("/pairs.npy"), strict=True))
    offered = {one["name"] for one in summary["pair_filters"]}
    assert {"benign_probability", "perturbation_l2"} <= offered
    for declared in PAIR_FILTERS:
        assert (declared.name in offered) == (len(np.unique(table[declared.name])) > 1)
    assert served.get("/image-names").json() == served.truth.record.pairs["image_id"].tolist()


def test_nearest_pairs(served: Served) -> None:
    url = f"/api/records/{served.name}/pairs/3/nearest"
    body = served.client.post(url, json={"by": "change", "count": 4, "pairs": "0-9"}).json()
    nearest = served.truth.nearest_pairs(3, by="change", count=4, pairs=range(10))
    assert body == {"pairs": nearest.pairs.tolist(), "distances": nearest.distances.tolist()}
    assert_error(served.client.post(url, json={"pairs": "0-9999"}), 404, "9999")
