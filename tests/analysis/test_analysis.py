"""`Analysis` against plain loops over the record and the network."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import stats
from torch import nn

import vulneuron as vn
from runs import CLASS_NAMES, all_arrays, color_net, color_pictures
from vulneuron.analysis import Analysis, Settings, load_classifier
from vulneuron.errors import Cancelled, MeasureError, ModelError
from vulneuron.measures import MEASURES
from vulneuron.measures.distances import DISTANCES

LABELS = ("benign_label", "adversarial_label")


def probabilities(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return torch.softmax(torch.from_numpy(np.asarray(logits, np.float64)), -1).numpy()


def slow_contributions(analysis: Analysis, pair: int, side: int, label: int) -> npt.NDArray[np.float64]:
    """Gradient x activation by the plain network, which is activation x weight for a linear head."""
    net = color_net(mlp="weight" not in analysis.record.layer().dataset).eval()
    pixels = torch.from_numpy(analysis.record.dataset["image"].values[pair, side].astype(np.float32))
    maps = net[0](pixels[None]).detach().requires_grad_()
    net[1:](maps)[0, label].backward()
    assert maps.grad is not None
    contributions: npt.NDArray[np.float64] = (maps * maps.grad).sum((2, 3))[0].detach().numpy()
    return contributions


@pytest.mark.parametrize("pair", [0, 7])
def test_columns_agree_with_loops(analysis: Analysis, pair: int) -> None:
    data = all_arrays(analysis.record)
    table = analysis.neurons(pair)
    assert list(table.columns) == list(MEASURES)
    labels = [int(data[name][pair]) for name in LABELS]
    for side, name in enumerate(("benign", "adversarial")):
        np.testing.assert_allclose(table[f"activation_{name}"], data["activation"][pair, side], atol=1e-6)
        expected = slow_contributions(analysis, pair, side, labels[side])
        np.testing.assert_allclose(table[f"contribution_{name}"], expected, rtol=1e-4, atol=1e-5)
        rows = np.flatnonzero(data["benign_label"].values == labels[side])
        values = np.stack([slow_contributions(analysis, int(row), 0, labels[side]) for row in rows])
        half = stats.t.ppf(0.975, len(rows) - 1) * stats.sem(values, axis=0)
        np.testing.assert_allclose(table[f"band_{name}_low"], values.mean(0) - half, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(table[f"band_{name}_high"], values.mean(0) + half, rtol=1e-3, atol=1e-5)
    for neuron, row in table.iterrows():
        if row.band_benign_low > row.band_adversarial_high:
            gap = row.band_adversarial_high - row.band_benign_low
        elif row.band_adversarial_low > row.band_benign_high:
            gap = row.band_adversarial_low - row.band_benign_high
        else:
            gap = 0.0
        assert row.band_gap == pytest.approx(gap), neuron
    np.testing.assert_allclose(table.curve_gap, table.contribution_adversarial - table.contribution_benign)


def test_substitution_agrees_with_a_loop_through_the_network(analysis: Analysis) -> None:
    pair, data = 4, all_arrays(analysis.record)
    net = color_net(mlp="weight" not in data).eval()
    maps = torch.from_numpy(data["feature_map"].values[pair])
    benign_label, adversarial_label = (int(data[name][pair]) for name in LABELS)
    before = probabilities(net[1:](maps[:1]).detach().numpy()[0])
    table = analysis.neurons(pair)
    for neuron in range(4):
        mixed = maps[:1].clone()
        mixed[0, neuron] = maps[1, neuron]
        after = probabilities(net[1:](mixed).detach().numpy()[0])
        assert table.substitution_benign_drop[neuron] == pytest.approx(
            before[benign_label] - after[benign_label], abs=1e-5
        )
        assert table.substitution_adversarial_gain[neuron] == pytest.approx(
            after[adversarial_label] - before[adversarial_label], abs=1e-5
        )
    everything = analysis.substitute(pair, range(4))
    np.testing.assert_allclose(everything.logits, data["logit"][pair, 1], rtol=1e-4, atol=1e-4)


def test_receptive_fields_and_overlaps_agree_with_loops(analysis: Analysis) -> None:
    pair, data = 3, all_arrays(analysis.record)
    threshold = float(np.quantile(data["feature_map"].values[:, 0], 0.8))
    maps = torch.from_numpy(data["feature_map"].values[pair])
    masks = nn.functional.interpolate(maps, size=(12, 12), mode="bilinear").numpy() > threshold
    both = analysis.masks(pair)
    assert (both.benign == masks[0]).mean() > 0.99
    assert (both.adversarial == masks[1]).mean() > 0.99
    image = data["image"].values[pair, 0]
    for combine, expected in (("union", masks[0][[0, 2]].any(0)), ("intersection", masks[0][[0, 2]].all(0))):
        field = analysis.receptive_field(pair, [0, 2], "benign", combine)  # type: ignore[arg-type]
        assert (field.mask == expected).mean() > 0.99
        np.testing.assert_allclose(field.image, image * field.mask, atol=1e-6)
        assert field.coverage == pytest.approx(field.mask.mean())
    top = analysis.top_masks(pair)
    table = analysis.neurons(pair)
    assert top.benign_drop.sum() == round(0.2 * 144)
    for neuron in range(4):
        one, other = both.benign[neuron], top.benign_drop
        union = (one | other).sum()
        assert table.iou_benign_drop[neuron] == pytest.approx((one & other).sum() / union if union else 0)
        assert table.dead_benign[neuron] == (not one.any())


@pytest.mark.parametrize("mode", ["absolute", "quantile", "relative"])
@pytest.mark.parametrize("level", [None, 0.3, 0.9])
def test_fields_of_some_neurons_are_those_of_all(analysis: Analysis, mode: Any, level: float | None) -> None:
    """Only the chosen masks are computed, so they must not depend on which are chosen."""
    settings = Settings(threshold_mode=mode, threshold_level=level)
    everything = analysis.masks(5, settings=settings)
    some = analysis.receptive_fields(5, [3, 0], settings=settings)
    np.testing.assert_array_equal(some.benign, everything.benign[[3, 0]])
    np.testing.assert_array_equal(some.adversarial, everything.adversarial[[3, 0]])
    field = analysis.receptive_field(5, [3, 0], "adversarial", settings=settings)
    np.testing.assert_array_equal(field.mask, some.adversarial.any(axis=0))
    np.testing.assert_array_equal(field.dead, ~some.adversarial.any(axis=(1, 2)))
    assert analysis.receptive_fields(5, 1, size=(5, 7), settings=settings).benign.shape == (1, 5, 7)
    assert analysis.receptive_field(5, 1, "benign", size=(5, 7), settings=settings).image.shape == (3, 5, 7)


def test_pair_is_described(analysis: Analysis) -> None:
    for number in (0, 6):
        found, data = analysis.pair(number), all_arrays(analysis.record)
        row = analysis.record.pairs.loc[number]
        assert (found.number, found.image_id) == (number, row["image_id"])
        assert found.image_index == row["image_index"]
        benign, adversarial = probabilities(data["logit"].values[number])
        np.testing.assert_allclose(found.benign_probabilities, benign, atol=1e-12)
        np.testing.assert_allclose(found.adversarial_probabilities, adversarial, atol=1e-12)
        assert found.benign_label == CLASS_NAMES[int(benign.argmax())]
        assert found.adversarial_label == CLASS_NAMES[int(adversarial.argmax())]
        change = data["image"].values[number].astype(np.float64)
        if change.max() > 1:
            change /= 65535
        difference = change[1] - change[0]
        assert found.perturbation_l2 == pytest.approx(np.sqrt((difference**2).sum()), rel=1e-5)
        assert found.perturbation_linf == pytest.approx(np.abs(difference).max(), rel=1e-5)
        assert found.survives_8bit == bool(data["survives_8bit"][number])


def test_discrepancy_map_is_what_occlusion_changes(analysis: Analysis) -> None:
    net = color_net(mlp="weight" not in analysis.record.layer().dataset).eval()
    image = torch.from_numpy(analysis.record.images(3, "adversarial"))
    found = analysis.discrepancy_map(3, [2, 0], "adversarial", patch=4, stride=5, occluder="gray")
    assert found.values.shape == (2, 3, 3)

    def activations(pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return net[0](pixels[None]).mean((2, 3))[0]  # type: ignore[no-any-return]

    for row, column in ((0, 0), (1, 2), (2, 1)):
        occluded = image.clone()
        occluded[:, max(5 * row - 2, 0) : 5 * row + 2, max(5 * column - 2, 0) : 5 * column + 2] = 0.5
        change = (activations(occluded) - activations(image)).abs()
        np.testing.assert_allclose(found.values[:, row, column], change[[2, 0]], atol=1e-6)
    # Kept in memory, by all that decides it.
    same = analysis.discrepancy_map(3, [2, 0], "adversarial", patch=4, stride=5, occluder="gray")
    assert same is found
    assert analysis.discrepancy_map(3, 2, "benign", patch=4, stride=5).values.shape == (1, 3, 3)
    with pytest.raises(Cancelled):
        analysis.discrepancy_map(4, 1, "benign", watch=vn.Watch(cancelled=lambda: True))
    with pytest.raises(MeasureError, match="a discrepancy map of pair 0 needs the network"):
        Analysis(analysis.record).discrepancy_map(0, 1, "benign")


def test_suggested_settings_are_the_default_ones_where_these_have_bands(
    analysis: Analysis, tmp_path: Path
) -> None:
    assert analysis.suggested_settings == Settings()
    pictures, labels = color_pictures(a_class=1, wrong=0)
    few = vn.analyze(color_net(), pictures, labels, out=tmp_path / "few.zarr", class_names=CLASS_NAMES)
    assert Analysis(few).suggested_settings == Settings(band_images="adversarial")


def test_without_the_network_what_the_record_holds_still_works(fresh_analysis: Analysis) -> None:
    alone = Analysis(fresh_analysis.record, settings=Settings(stride=3))
    table = alone.neurons(0)
    linear = "weight" in fresh_analysis.record.layer().dataset
    assert table.iou_benign_drop.isna().all()
    assert table.substitution_benign_drop.isna().all() == (not linear)
    assert table.band_gap.notna().all()
    assert alone.dendrogram(0).order.shape == (4,)
    assert len(alone.context(0, 1).pairs) > 0
    with pytest.raises(MeasureError, match=r"maps of pair 0 needs the network.*load_classifier"):
        alone.vulnerability_maps(0)
    with pytest.raises(MeasureError, match="maps of pair 0 needs the network"):
        alone.overlap(0, 1)


@pytest.mark.parametrize("mode", ["absolute", "quantile", "relative"])
def test_masks_of_one_neuron_are_those_of_each_pair(analysis: Analysis, mode: Any) -> None:
    settings = Settings(threshold_mode=mode)
    pairs = [7, 2, 9, 2]
    found = analysis.neuron_masks(3, pairs, settings=settings)
    assert found.benign.shape == found.adversarial.shape == (4, 12, 12)
    for row, pair in enumerate(pairs):
        masks = analysis.masks(pair, settings=settings)
        np.testing.assert_array_equal(found.benign[row], masks.benign[3])
        np.testing.assert_array_equal(found.adversarial[row], masks.adversarial[3])


@pytest.mark.parametrize("order", ["activation", "confidence"])
def test_context_lists_the_pairs_that_excite_a_neuron_most(analysis: Analysis, order: Any) -> None:
    data = all_arrays(analysis.record)
    found = analysis.context(0, 2, order=order, count=3)
    benign, adversarial = (data[name].values for name in LABELS)
    same = np.flatnonzero((benign == benign[0]) & (adversarial == adversarial[0]))
    activations = data["activation"].values[:, :, 2]
    confidences = probabilities(data["logit"].values).max(axis=-1)
    values = activations[:, 0] if order == "activation" else confidences[:, 0]
    expected = sorted((pair for pair in same if pair != 0), key=lambda pair: -values[pair])[:3]
    assert found.pairs.tolist() == expected
    # Each image has its own numbers: those of the adversarial image are not those that order.
    np.testing.assert_array_equal(found.benign_activations, activations[expected, 0])
    np.testing.assert_array_equal(found.adversarial_activations, activations[expected, 1])
    np.testing.assert_allclose(found.benign_confidences, confidences[expected, 0], atol=1e-6)
    np.testing.assert_allclose(found.adversarial_confidences, confidences[expected, 1], atol=1e-6)


def test_prediction_matrix_counts_pairs(analysis: Analysis) -> None:
    matrix = analysis.prediction_matrix()
    pairs = analysis.record.pairs
    assert matrix.to_numpy().sum() == len(pairs)
    for benign in matrix.index:
        for adversarial in matrix.columns:
            count = ((pairs.benign_label == benign) & (pairs.adversarial_label == adversarial)).sum()
            assert matrix.loc[benign, adversarial] == count
            if count:
                assert len(analysis.cell(benign, adversarial)) == count


@pytest.mark.parametrize("distance", DISTANCES)
def test_dendrogram_has_every_neuron_once(analysis: Analysis, distance: Any) -> None:
    tree = analysis.dendrogram(0, settings=Settings(distance=distance))
    assert sorted(tree.order) == [0, 1, 2, 3]
    assert (np.diff(tree.heights) >= 0).all()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(band="quantile"),
        Settings(band_images="adversarial"),
        Settings(threshold_mode="relative"),
    ],
)
def test_settings_change_what_is_shown(analysis: Analysis, settings: Settings) -> None:
    one, other = (
        analysis.neurons(0),
        analysis.neurons(0, settings=settings),
    )
    field = (
        analysis.receptive_field(0, 1, "benign"),
        analysis.receptive_field(0, 1, "benign", settings=settings),
    )
    assert not one.equals(other) or (field[0].mask != field[1].mask).any()


def test_another_network_is_refused(analysis: Analysis) -> None:
    net = color_net(mlp="weight" not in analysis.record.layer().dataset)
    with torch.no_grad():
        next(net.parameters()).mul_(1.5)
    with pytest.raises(ModelError, match="logits for the first pair differ"):
        load_classifier(analysis.record, net)


def test_model_that_cannot_be_loaded_again_is_said_so(analysis: Analysis) -> None:
    with pytest.raises(ModelError, match=r"record's model 'Sequential' cannot be loaded again.*--model"):
        load_classifier(analysis.record)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda it: it.neurons(999), r"given pair 999.*0 to"),
        (lambda it: it.neurons("0"), "given pair '0'"),
        (lambda it: it.receptive_field(0, 77, "benign"), r"given neuron 77.*0 to 3"),
        (lambda it: it.receptive_field(0, [], "benign"), "given no neuron"),
        (lambda it: it.receptive_field(0, 1, "left"), "side = 'left'"),
        (lambda it: it.receptive_field(0, 1, "benign", "xor"), "combine = 'xor'"),
        (lambda it: it.rank([0], sort_by="size"), "sort_by = 'size'"),
        (lambda it: it.rank([]), "given no pair"),
        (lambda it: it.cell("red", "grean"), r"given class 'grean'.*Perhaps you mean green"),
        (lambda it: it.vulnerability_maps(0, patch=3), "patch = 3"),
        (lambda it: it.vulnerability_maps(0, stride=0), "stride = 0"),
        (lambda it: it.vulnerability_maps(0, engine="quick"), "engine = 'quick'"),
        (lambda it: it.context(0, 1, order="size"), "order = 'size'"),
        (lambda it: it.overlap(0, 1, "xor"), "combine = 'xor'"),
        (lambda it: it.overlap(0, [0, 4]), r"given neuron 4.*0 to 3"),
        (lambda it: it.overlap(99, 1), "given pair 99"),
        (lambda it: it.neuron_masks(4, [0]), r"given neuron 4.*0 to 3"),
        (lambda it: it.neuron_masks(1, []), "given no pair"),
        (lambda it: it.neuron_masks(1, [0, -1]), "given pair -1"),
        (lambda it: it.receptive_fields(0, 1.5), "given neuron 1.5"),
        (lambda it: it.receptive_fields(0, [True]), "given neuron True"),
        (lambda it: it.receptive_fields(0, 1, size=7), "given size = 7"),
        (lambda it: it.receptive_field(0, 1, "benign", size=(0, 7)), "given size = "),
        (lambda it: it.vulnerability_maps(0, strid=2), "Perhaps you mean stride"),
        (lambda it: it.substitute(0, ["a"]), "given neuron a"),
        (lambda it: it.context(0, None), "given neuron None"),
        (lambda it: it.receptive_fields(0, 10**30), "given neuron 1000"),
        (lambda it: it.pair(-1), "given pair -1"),
        (lambda it: it.discrepancy_map(0, 1, "left"), "side = 'left'"),
        (lambda it: it.discrepancy_map(0, 1, "benign", occluder="black"), "occluder = 'black'"),
        (lambda it: it.cell(3, 5), "given class 3"),
        (lambda it: it.rank([0], sort_by="bandgap"), "Perhaps you mean band_gap"),
    ],
)
def test_bad_questions_are_one_line(analysis: Analysis, call: Any, message: str) -> None:
    with pytest.raises(MeasureError, match=message) as caught:
        call(analysis)
    assert "\n" not in str(caught.value)


def test_another_kind_of_network_is_refused(analysis: Analysis) -> None:
    with pytest.raises(ModelError, match="given str as the classifier"):
        Analysis(analysis.record, cast(Any, "network"))
    body = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
    other = nn.Sequential(*body, nn.Flatten(), nn.Linear(4, 7))
    with pytest.raises(ModelError, match=r"has 7 classes.*3 classes"):
        Analysis(analysis.record, vn.Classifier(other, input_shape=(3, 12, 12)))
    net = color_net(mlp="weight" not in analysis.record.layer().dataset)
    assert load_classifier(analysis.record.path, net).classes == 3
