"""The demo: real photographs, a real network, and a record of both."""

import itertools
import math
import statistics
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import stats
from scipy.cluster import hierarchy

import vulneuron as vn
from runs import all_arrays
from vulneuron import demo
from vulneuron.measures.clustering import Method, cluster
from vulneuron.measures.distances import feature_map_distances, iou_distances, receptive_field_distances

pytestmark = pytest.mark.slow


def test_views_are_seeded_and_the_first_is_the_center_crop() -> None:
    views, again = demo.demo_images(views=3), demo.demo_images(views=3)
    assert views.images.shape == (60, 224, 224, 3)
    np.testing.assert_array_equal(views.images, again.images)
    np.testing.assert_array_equal(views.labels, np.repeat(views.labels[::3], 3))
    np.testing.assert_array_equal(demo.demo_images(views=1).images, views.images[::3])
    assert not np.array_equal(views.images[1], views.images[2])
    assert not np.array_equal(demo.demo_images(views=2, seed=1).images[1], views.images[1])


def test_network_knows_most_of_the_photographs() -> None:
    photographs = demo.demo_images(views=1)
    pixels = torch.from_numpy(photographs.images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        predicted = demo.demo_model()((pixels - 0.5) / 0.5).argmax(1).numpy()
    assert (predicted == photographs.labels).sum() == 18


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> vn.Record:
    return demo.run_demo(tmp_path_factory.mktemp("demo") / "demo.zarr", views=2)


@pytest.fixture(scope="module")
def analysis(record: vn.Record) -> vn.Analysis:
    """Two views a photograph are too few for benign images of adversarial classes."""
    settings = vn.Settings(stride=56, patch=56, band_images="adversarial")
    return vn.Analysis(record, vn.load_classifier(record), settings=settings)


def test_record_of_a_small_demo(record: vn.Record) -> None:
    info = record.info()
    (layer,) = info["layers"]
    assert layer["neurons"] == 1280
    assert info["correct"] == 34
    assert info["pairs"] == info["successes"] > 28
    assert layer["split_error"] <= 1e-4
    assert record.validate().sound


def test_measures_of_the_record_agree_with_loops(record: vn.Record, analysis: vn.Analysis) -> None:
    pair, data = 2, all_arrays(record)
    analysis.vulnerability_maps(pair)
    table = analysis.neurons(pair)
    logits, weight, bias = (data[name].values.astype(np.float64) for name in ("logit", "weight", "bias"))
    labels = [int(data[name][pair]) for name in ("benign_label", "adversarial_label")]
    activations = data["activation"].values[pair].astype(np.float64)
    for side, name in enumerate(("benign", "adversarial")):
        # Contributions and bias add up to the logit.
        total = table[f"contribution_{name}"].sum() + bias[labels[side]]
        assert total == pytest.approx(logits[pair, side, labels[side]], rel=1e-4)

    def probabilities(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        powers = np.exp(values - values.max())
        return np.asarray(powers / powers.sum())

    before = probabilities(weight @ activations[0] + bias)
    most = int(table.substitution_benign_drop.to_numpy().argmax())
    for neuron in (0, 17, most):
        changed = activations[0].copy()
        changed[neuron] = activations[1, neuron]
        after = probabilities(weight @ changed + bias)
        drop, gain = before[labels[0]] - after[labels[0]], after[labels[1]] - before[labels[1]]
        assert table.substitution_benign_drop[neuron] == pytest.approx(drop, abs=1e-6)
        assert table.substitution_adversarial_gain[neuron] == pytest.approx(gain, abs=1e-6)

    # Receptive fields and overlaps, by torch's own interpolation and by counting.
    masks = slow_masks(record, pair, 0)
    top = analysis.top_masks(pair).benign_drop
    assert top.sum() == round(0.2 * 224 * 224)
    for neuron in range(0, 1280, 97):
        union = (masks[neuron] | top).sum()
        expected = (masks[neuron] & top).sum() / union if union else 0
        assert table.iou_benign_drop[neuron] == pytest.approx(expected, abs=1e-3)

    # One point of the vulnerability map, substituted by hand.
    found = analysis.vulnerability_maps(pair, patch=56, stride=56)
    x, other = (torch.from_numpy(record.images(pair, side)) for side in ("benign", "adversarial"))
    mixed = x.clone()
    mixed[:, 112 - 28 : 112 + 28, 56 - 28 : 56 + 28] = other[:, 112 - 28 : 112 + 28, 56 - 28 : 56 + 28]
    network = demo.demo_model()
    with torch.inference_mode():
        both = torch.softmax(network((torch.stack([x, mixed]) - 0.5) / 0.5), 1).double().numpy()
    assert found.benign_drop[2, 1] == pytest.approx(both[0, labels[0]] - both[1, labels[0]], abs=1e-5)
    assert found.adversarial_gain[2, 1] == pytest.approx(both[1, labels[1]] - both[0, labels[1]], abs=1e-5)


@cache
def slow_threshold(path: str) -> float:
    return float(np.quantile(vn.open_record(path).layer().dataset["feature_map"].values[:, 0], 0.8))


def slow_masks(record: vn.Record, pair: int, side: int, neurons: Any = slice(None)) -> npt.NDArray[np.bool_]:
    shown = torch.from_numpy(record.layer().array("feature_map")[pair, side][neurons])[None]
    upsampled = torch.nn.functional.interpolate(shown, size=(224, 224), mode="bilinear")[0].numpy()
    return np.asarray(upsampled > slow_threshold(record.path))


def labels_of(record: vn.Record) -> tuple[list[int], list[int]]:
    benign, adversarial = (record.dataset[f"{side}_label"].values for side in ("benign", "adversarial"))
    return [int(label) for label in benign], [int(label) for label in adversarial]


def test_suggested_settings_have_bands(record: vn.Record, analysis: vn.Analysis) -> None:
    assert vn.Analysis(record).suggested_settings == vn.Settings(band_images="adversarial")
    everything = range(len(record.pairs))
    plain = analysis.mean_neurons(everything, columns=["band_gap"], settings=vn.Settings())
    assert plain.band_gap.isna().all()
    assert analysis.mean_neurons(everything, columns=["band_gap"]).band_gap.notna().all()


def test_bands_and_their_gap_agree_with_loops(record: vn.Record, analysis: vn.Analysis) -> None:
    benign, adversarial = labels_of(record)
    activations, weight = (
        record.layer().dataset[name].values.astype(np.float64) for name in ("activation", "weight")
    )
    with_bands = [
        pair
        for pair in range(len(benign))
        if benign.count(benign[pair]) > 1 and adversarial.count(adversarial[pair]) > 1
    ]
    assert len(with_bands) > 4
    for pair in with_bands[:3]:
        table = analysis.neurons(pair)
        b, a = benign[pair], adversarial[pair]
        gaps = 0
        for neuron in range(0, 1280, 2):
            bounds = []
            for side, labels, label in ((0, benign, b), (1, adversarial, a)):
                rows = [row for row, other in enumerate(labels) if other == label]
                values = [activations[row, side, neuron] * weight[label, neuron] for row in rows]
                half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
                bounds += [statistics.fmean(values) - half, statistics.fmean(values) + half]
            low_b, high_b, low_a, high_a = bounds
            gap = low_a - high_b if low_a > high_b else high_a - low_b if low_b > high_a else 0
            gaps += gap != 0
            row = table.loc[neuron]
            names = [f"band_{side}_{end}" for side in ("benign", "adversarial") for end in ("low", "high")]
            np.testing.assert_allclose(row[names].astype(float), bounds, atol=1e-6)
            assert row.band_gap == pytest.approx(gap, abs=1e-6)
        assert gaps > 10


def test_context_agrees_with_a_loop(record: vn.Record, analysis: vn.Analysis) -> None:
    benign, adversarial = labels_of(record)
    activations = record.layer().dataset["activation"].values[:, 0]
    for scope in ("same_labels", "same_benign_label", "all"):
        left = [
            other
            for other in range(1, len(benign))
            if scope == "all"
            or (
                benign[other] == benign[0]
                and (scope != "same_labels" or adversarial[other] == adversarial[0])
            )
        ]
        expected: list[int] = []
        while left and len(expected) < 4:
            expected.append(max(left, key=lambda other: (activations[other, 926], -other)))
            left.remove(expected[-1])
        found = analysis.context(0, 926, scope=cast(Any, scope), count=4)
        assert found.pairs.tolist() == expected
        assert len(expected) == {"same_labels": 1, "same_benign_label": 1, "all": 4}[scope]
        captured = analysis.neuron_masks(926, found.pairs)
        for row, other in enumerate(expected):
            for side, masks in enumerate((captured.benign, captured.adversarial)):
                assert (masks[row] == slow_masks(record, other, side, [926])[0]).mean() > 0.999


@pytest.mark.parametrize("kind", ["receptive_field", "iou", "feature_map"])
def test_distances_and_clusters_agree_with_loops(record: vn.Record, analysis: vn.Analysis, kind: str) -> None:
    """Forty neurons against loops over their pictures; all of them against SciPy."""
    pair, few = 0, list(range(0, 1280, 32))
    masks = np.stack([slow_masks(record, pair, side, few) for side in range(2)], axis=1)
    images = np.stack([record.images(pair, side) for side in ("benign", "adversarial")]).astype(np.float64)
    maps = record.layer().dataset["feature_map"].values[pair].swapaxes(0, 1).astype(np.float64)
    exact = analysis.masks(pair)
    # The same masks for both, as a pixel on the threshold may fall on either side.
    assert (masks[:, 0] == exact.benign[few]).mean() > 0.9999
    masks = np.stack([exact.benign[few], exact.adversarial[few]], axis=1)

    def distance(one: int, other: int) -> float:
        if kind == "feature_map":
            return math.sqrt(((maps[few[one]] - maps[few[other]]) ** 2).sum())
        if kind == "iou":
            union = (masks[one] | masks[other]).sum()
            return 1 - float((masks[one] & masks[other]).sum() / union) if union else 0.0
        differing = (masks[one] != masks[other])[:, None]
        return math.sqrt((images**2 * differing).sum())

    slow = np.zeros((len(few), len(few)))
    for one in range(len(few)):
        for other in range(one):
            slow[one, other] = slow[other, one] = distance(one, other)
    given = {
        "receptive_field": lambda: receptive_field_distances(
            masks[:, 0], masks[:, 1], images[0].astype(np.float32), images[1].astype(np.float32)
        ),
        "iou": lambda: iou_distances(masks[:, 0], masks[:, 1]),
        "feature_map": lambda: feature_map_distances(maps[few, 0], maps[few, 1]),
    }
    found = given[kind]()
    np.testing.assert_allclose(found.values, slow, atol=1e-5)

    method: Method = "average" if kind == "iou" else "ward"
    tree = cluster(found, method)
    merged, heights = slow_clusters(slow, method, left=6)
    assert partition(tree.cut_count(6)) == merged
    np.testing.assert_allclose(tree.heights[: len(heights)], heights, atol=1e-4)

    # All neurons, through the analysis.
    whole = analysis.dendrogram(pair, settings=vn.Settings(distance=kind))
    assert sorted(whole.order) == list(range(1280))
    if kind == "feature_map":
        linkage = hierarchy.linkage(maps.reshape(1280, -1), "ward")
        np.testing.assert_allclose(whole.heights, linkage[:, 2], atol=1e-5)
        assert partition(whole.cut_count(12)) == partition(hierarchy.cut_tree(linkage, [12])[:, 0])
    else:
        np.testing.assert_array_equal(whole.dead, ~(exact.benign | exact.adversarial).any(axis=(1, 2)))


def slow_clusters(
    distances: npt.NDArray[np.float64], method: Method, left: int
) -> tuple[set[frozenset[int]], list[float]]:
    """Merge the two nearest clusters until so many are left, all distances between clusters by definition."""
    clusters: list[frozenset[int]] = [frozenset([leaf]) for leaf in range(len(distances))]
    heights = []

    def apart(one: frozenset[int], other: frozenset[int]) -> float:
        between = distances[np.ix_(sorted(one), sorted(other))]
        if method == "average":
            return float(between.mean())
        # Ward: from squared distances, the distance of the centroids, weighted by the sizes.
        inner = sum((distances[np.ix_(sorted(it), sorted(it))] ** 2).mean() for it in (one, other)) / 2
        weight = 2 * len(one) * len(other) / (len(one) + len(other))
        return math.sqrt(max(weight * ((between**2).mean() - inner), 0))

    while len(clusters) > left:
        nearest = min(itertools.combinations(clusters, 2), key=lambda two: apart(*two))
        heights.append(apart(*nearest))
        clusters = [it for it in clusters if it not in nearest] + [nearest[0] | nearest[1]]
    return set(clusters), heights


def partition(labels: npt.NDArray[np.integer]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def test_ranking_agrees_with_a_loop_over_pairs(record: vn.Record, analysis: vn.Analysis) -> None:
    pairs = [1, 2, 7, 20]
    benign, adversarial = labels_of(record)
    names = ("activation", "weight", "bias")
    activations, weight, bias = (record.layer().dataset[name].values.astype(np.float64) for name in names)
    found = analysis.rank(pairs, sort_by="curve_gap", resamples=50)
    gaps, drops = np.zeros(1280), np.zeros(1280)
    for pair in pairs:
        b, a = benign[pair], adversarial[pair]
        gaps += (activations[pair, 1] * weight[a] - activations[pair, 0] * weight[b]) / len(pairs)
        before = np.exp(weight @ activations[pair, 0] + bias)
        for neuron in range(0, 1280, 16):
            change = activations[pair, 1, neuron] - activations[pair, 0, neuron]
            after = before * np.exp(weight[:, neuron] * change)
            drops[neuron] += (before[b] / before.sum() - after[b] / after.sum()) / len(pairs)
    np.testing.assert_allclose(found.curve_gap, gaps, atol=1e-6)
    np.testing.assert_allclose(found.substitution_benign_drop[::16], drops[::16], atol=1e-6)
    for neuron in range(0, 1280, 111):
        below = sum(gap < gaps[neuron] for gap in gaps)
        assert found["rank"][neuron] == pytest.approx(below + 1)
        dead = [not slow_masks(record, pair, 1, [neuron]).any() for pair in pairs]
        assert found.dead_adversarial[neuron] == sum(dead) / len(pairs)


def test_prediction_matrix_agrees_with_a_loop(record: vn.Record, analysis: vn.Analysis) -> None:
    counts: dict[tuple[str, str], int] = {}
    for benign, adversarial in zip(*labels_of(record), strict=True):
        cell = record.class_names[benign], record.class_names[adversarial]
        counts[cell] = counts.get(cell, 0) + 1
    matrix = analysis.prediction_matrix()
    assert matrix.to_numpy().sum() == len(record.pairs)
    assert {(row, column): matrix.loc[row, column] for row, column in counts} == counts


def test_discrepancy_map_agrees_with_the_network(record: vn.Record, analysis: vn.Analysis) -> None:
    neurons = [926, 3, 1023]
    found = analysis.discrepancy_map(0, neurons, "benign", patch=56, stride=56, occluder="gray")
    assert found.values.shape == (3, 4, 4)
    network = demo.demo_model()
    seen: list[torch.Tensor] = []
    network.get_submodule("classifier").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    image = torch.from_numpy(record.images(0, "benign"))
    cells = [(0, 0), (2, 1), (3, 3)]
    pictures = [image]
    for row, column in cells:
        pictures.append(image.clone())
        top, left = max(56 * row - 28, 0), max(56 * column - 28, 0)
        pictures[-1][:, top : 56 * row + 28, left : 56 * column + 28] = 0.5
    with torch.inference_mode():
        network((torch.stack(pictures) - 0.5) / 0.5)
    before, *after = seen[0].flatten(1)[:, neurons]
    for (row, column), activations in zip(cells, after, strict=True):
        np.testing.assert_allclose(found.values[:, row, column], (activations - before).abs(), atol=1e-5)
