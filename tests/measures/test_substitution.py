"""Substitution of neurons, compared with loops, exact arithmetic and numbers worked out by hand."""

import math
from decimal import Decimal, localcontext
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pytest
import torch

from nets import INPUT_SHAPE, NETS, average_pooled, mlp_head, randomized
from vulneuron.errors import MeasureError
from vulneuron.measures import SIDES, Side
from vulneuron.measures.substitution import (
    Floating,
    Head,
    substitute_each,
    substitute_each_map,
    substitute_map_set,
    substitute_set,
)
from vulneuron.network import Activity, Classifier


class Labels(TypedDict):
    benign_label: int
    adversarial_label: int


LABELS: Labels = {"benign_label": 0, "adversarial_label": 1}
Doubles = npt.NDArray[np.float64]


def softmax(logits: Any) -> list[float]:
    largest = max(map(float, logits))
    exact = [math.exp(float(logit) - largest) for logit in logits]
    return [value / math.fsum(exact) for value in exact]


def slow_effect(
    vectors: tuple[Doubles, Doubles], weight: Doubles, bias: Doubles, neurons: list[int], into: Side
) -> tuple[float, float]:
    """Benign drop and adversarial gain, from logits with benign and with adversarial values."""
    mixed = vectors[into == "adversarial"].copy()
    for neuron in neurons:
        mixed[neuron] = vectors[into == "benign"][neuron]
    rest, changed = (softmax(weight @ vector + bias) for vector in (vectors[into == "adversarial"], mixed))
    attacked, healthy = (changed, rest) if into == "benign" else (rest, changed)
    return healthy[0] - attacked[0], attacked[1] - healthy[1]


def test_two_neurons_by_hand() -> None:
    """Logits are log 3 and 0, so p is (3/4, 1/4). The first neuron swaps them, the second does nothing."""
    activations = np.array([math.log(3), 5]), np.array([-math.log(3), 8])
    weight, bias = np.array([[1.0, 0], [0, 0]]), np.zeros(2)
    effects = substitute_each(*activations, weight, bias, **LABELS)
    np.testing.assert_allclose(effects.benign_drop, [0.5, 0], atol=1e-15)
    np.testing.assert_allclose(effects.adversarial_gain, [0.5, 0], atol=1e-15)
    together = substitute_set(*activations, weight, bias, [0, 1], **LABELS)
    np.testing.assert_allclose(together.logits, [-math.log(3), 0], atol=1e-15)
    assert together.benign_drop == pytest.approx(0.5)
    assert together.adversarial_gain == pytest.approx(0.5)


@pytest.mark.parametrize("into", SIDES)
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_substitution_equals_a_loop(into: Side, classes: int) -> None:
    rng = np.random.default_rng(classes)
    vectors = rng.normal(size=9), rng.normal(size=9)
    weight, bias = 2 * rng.normal(size=(classes, 9)), rng.normal(size=classes)
    effects = substitute_each(*vectors, weight, bias, **LABELS, into=into)
    slow = [slow_effect(vectors, weight, bias, [neuron], into) for neuron in range(9)]
    np.testing.assert_allclose(
        np.transpose([effects.benign_drop, effects.adversarial_gain]), slow, atol=1e-12
    )
    for neurons in ([], [3], [0, 4, 8], list(range(9))):
        together = substitute_set(*vectors, weight, bias, neurons, **LABELS, into=into)
        drop, gain = slow_effect(vectors, weight, bias, neurons, into)
        assert together.benign_drop == pytest.approx(drop, abs=1e-12)
        assert together.adversarial_gain == pytest.approx(gain, abs=1e-12)


@pytest.mark.parametrize("into", SIDES)
@pytest.mark.parametrize("classes", [3, 4000])
def test_many_pairs_equal_one_at_a_time(into: Side, classes: int) -> None:
    """With many classes, pairs are computed one at a time."""
    rng = np.random.default_rng(classes)
    vectors = rng.normal(size=(2, 5, 90))
    vectors[1, :, ::7] = vectors[0, :, ::7]
    weight, bias = rng.normal(size=(classes, 90)), rng.normal(size=classes)
    labels = rng.permuted(np.tile(np.arange(3), (5, 1)), axis=1)
    both: Any = {"benign_label": labels[:, 0], "adversarial_label": labels[:, 1]}
    effects = substitute_each(vectors[0], vectors[1], weight, bias, **both, into=into)
    assert effects.benign_drop.shape == (5, 90)
    for pair in range(5):
        one: Any = {name: int(values[pair]) for name, values in both.items()}
        alone = substitute_each(vectors[0, pair], vectors[1, pair], weight, bias, **one, into=into)
        np.testing.assert_allclose(effects.benign_drop[pair], alone.benign_drop, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(
            effects.adversarial_gain[pair], alone.adversarial_gain, rtol=1e-9, atol=1e-15
        )
    # Unchanged neurons have an effect of exactly 0.0, not -0.0.
    for values in (effects.benign_drop, effects.adversarial_gain):
        assert (values[:, ::7] == 0).all()
        assert not np.signbit(values[:, ::7]).any()


def test_both_directions_of_all_neurons_agree() -> None:
    rng = np.random.default_rng(0)
    given = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(4, 5)), rng.normal(size=4), range(5)
    there, back = (substitute_set(*given, **LABELS, into=into) for into in SIDES)
    assert there.benign_drop == pytest.approx(back.benign_drop)
    assert there.adversarial_gain == pytest.approx(back.adversarial_gain)
    np.testing.assert_allclose(there.logits, given[2] @ given[1] + given[3])
    np.testing.assert_allclose(back.logits, given[2] @ given[0] + given[3])


@pytest.mark.parametrize("margin", [0, 30, 60, -60, 400])
@pytest.mark.parametrize("change", [-1.0, 1e-9, 0.25])
def test_tiny_changes_are_exact(margin: float, change: float) -> None:
    """With a margin of 60 logits, p is 1 in float64, but neurons can still be ordered."""
    effects = substitute_each(
        np.array([float(margin)]), np.array([margin - change]), np.array([[1.0], [0]]), np.zeros(2), **LABELS
    )
    with localcontext() as context:
        context.prec = 250
        before, after = (1 / (1 + (-Decimal(x)).exp()) for x in (float(margin), margin - change))
        expected = float(before - after)
    # The change itself is exact only up to the rounding of the margin.
    tolerance = 1e-14 * max(1, abs(margin)) / abs(change)
    assert effects.benign_drop[0] == pytest.approx(expected, rel=tolerance)
    assert effects.adversarial_gain[0] == pytest.approx(expected, rel=tolerance)


def test_huge_logits_do_not_overflow() -> None:
    weight = np.array([[1.0, 0], [0, 1]])
    effects = substitute_each(np.array([5e4, 0]), np.array([5e4, 1e5]), weight, np.zeros(2), **LABELS)
    assert effects.benign_drop.tolist() == [0, 1]
    assert effects.adversarial_gain.tolist() == [0, 1]


def classifier_of(net: torch.nn.Module) -> Classifier:
    return Classifier(randomized(net), input_shape=INPUT_SHAPE, device="cpu")


def both_images(classifier: Classifier) -> Activity:
    return classifier.activity(torch.rand(2, *INPUT_SHAPE))


def numpy_head(classifier: Classifier) -> Head:
    def head(maps: Floating) -> Floating:
        with torch.inference_mode():
            return np.asarray(classifier.head(torch.from_numpy(maps)).numpy())

    return head


def slow_network_effect(
    classifier: Classifier, activity: Activity, neuron: int, into: Side
) -> tuple[float, float]:
    receiving, giving = (0, 1) if into == "benign" else (1, 0)
    mixed = activity.features[receiving].clone()
    mixed[neuron] = activity.features[giving, neuron]
    rest = softmax(classifier.head(activity.features[receiving][None])[0])
    changed = softmax(classifier.head(mixed[None])[0])
    sign = 1 if into == "benign" else -1
    return sign * (rest[0] - changed[0]), sign * (changed[1] - rest[1])


@pytest.mark.parametrize("into", SIDES)
@pytest.mark.parametrize("name", NETS)
def test_substituted_feature_maps_equal_a_loop_over_the_network(name: str, into: Side) -> None:
    classifier = classifier_of(NETS[name][0]())
    activity = both_images(classifier)
    benign, adversarial = activity.features.numpy()
    head = numpy_head(classifier)
    effects = substitute_each_map(benign, adversarial, head, **LABELS, into=into, batch_size=4)
    slow = [slow_network_effect(classifier, activity, neuron, into) for neuron in range(classifier.neurons)]
    np.testing.assert_allclose(np.transpose([effects.benign_drop, effects.adversarial_gain]), slow, atol=1e-6)
    together = substitute_map_set(benign, adversarial, head, range(classifier.neurons), **LABELS, into=into)
    np.testing.assert_allclose(together.logits, activity.logits[int(into == "benign")], atol=1e-5)


def test_the_closed_form_equals_the_network() -> None:
    classifier = classifier_of(average_pooled())
    activity = both_images(classifier)
    assert classifier.weights is not None
    assert classifier.bias is not None
    benign, adversarial = activity.activations.numpy()
    vectors = benign, adversarial, classifier.weights.numpy(), classifier.bias.numpy()
    benign_features, adversarial_features = activity.features.numpy()
    head = numpy_head(classifier)
    closed = substitute_each(*vectors, **LABELS)
    network = substitute_each_map(benign_features, adversarial_features, head, **LABELS)
    np.testing.assert_allclose(closed.benign_drop, network.benign_drop, atol=1e-6)
    np.testing.assert_allclose(closed.adversarial_gain, network.adversarial_gain, atol=1e-6)
    closed_set = substitute_set(*vectors, [1, 4], **LABELS)
    network_set = substitute_map_set(benign_features, adversarial_features, head, [1, 4], **LABELS)
    np.testing.assert_allclose(closed_set.logits, network_set.logits, atol=1e-5)
    assert closed_set.benign_drop == pytest.approx(network_set.benign_drop, abs=1e-6)


def test_any_batch_size_gives_the_same_and_keeps_its_inputs() -> None:
    classifier = classifier_of(mlp_head())
    maps = both_images(classifier).features.numpy()
    original = maps.copy()
    results = [
        substitute_each_map(maps[0], maps[1], numpy_head(classifier), **LABELS, batch_size=size)
        for size in (1, 4, 64)
    ]
    for other in results[1:]:
        np.testing.assert_allclose(other.benign_drop, results[0].benign_drop, atol=1e-7)
    np.testing.assert_array_equal(maps, original)


def test_bad_parameters_are_refused() -> None:
    vectors = np.zeros(3), np.ones(3), np.zeros((2, 3)), np.zeros(2)
    with pytest.raises(MeasureError, match=r"into = 'both'.*benign, adversarial"):
        substitute_each(*vectors, **LABELS, into="both")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match=r"label 2.*0 to 1"):
        substitute_each(*vectors, benign_label=0, adversarial_label=2)
    with pytest.raises(MeasureError, match="label -1"):
        substitute_set(*vectors, [0], benign_label=-1, adversarial_label=1)
    for neurons in ([3], [-1, 2]):
        with pytest.raises(MeasureError, match=r"neurons from.*0 to 2"):
            substitute_set(*vectors, neurons, **LABELS)
    with pytest.raises(MeasureError, match="batch_size = 0"):
        substitute_each_map(
            np.zeros((3, 1, 1)), np.ones((3, 1, 1)), lambda maps: maps[:, :2, 0, 0], **LABELS, batch_size=0
        )
