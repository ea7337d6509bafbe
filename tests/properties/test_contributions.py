"""Properties of contributions, band gaps, substitution and rankings of any numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vulneuron.measures import SIDES, ByEffect, Side
from vulneuron.measures.bands import Band, band_gap
from vulneuron.measures.contribution import contributions
from vulneuron.measures.ranking import rank_neurons
from vulneuron.measures.substitution import (
    SetSubstitution,
    substitute_each,
    substitute_set,
)

Doubles = npt.NDArray[np.float64]
CLASSES, NEURONS = 4, 6
numbers = st.floats(-100, 100, allow_subnormal=False)


def tables(*shape: int) -> st.SearchStrategy[Doubles]:
    return arrays.arrays(np.float64, shape, elements=numbers)


def bands() -> st.SearchStrategy[Band]:
    return tables(NEURONS, 2).map(lambda edges: Band(edges.min(axis=1), edges.max(axis=1)))


@dataclass(frozen=True)
class LinearPair:
    """Activations of a pair, a dense layer, and two labels."""

    benign: Doubles
    adversarial: Doubles
    weight: Doubles
    bias: Doubles
    labels: tuple[int, int]

    def logits(self, activation: Doubles) -> Doubles:
        return np.asarray(self.weight @ activation + self.bias)

    def swapped(self) -> "LinearPair":
        one, other = self.labels
        return LinearPair(self.adversarial, self.benign, self.weight, self.bias, (other, one))

    def each(self, into: Side) -> ByEffect[Any]:
        one, other = self.labels
        return substitute_each(
            self.benign,
            self.adversarial,
            self.weight,
            self.bias,
            benign_label=one,
            adversarial_label=other,
            into=into,
        )

    def together(self, neurons: Sequence[int], into: Side) -> SetSubstitution:
        one, other = self.labels
        return substitute_set(
            self.benign,
            self.adversarial,
            self.weight,
            self.bias,
            neurons,
            benign_label=one,
            adversarial_label=other,
            into=into,
        )


pairs = st.builds(
    LinearPair,
    tables(NEURONS),
    tables(NEURONS),
    tables(CLASSES, NEURONS),
    tables(CLASSES),
    st.permutations(range(CLASSES)).map(lambda order: (order[0], order[1])),
)


@given(pairs)
def test_margin_changes_sum_to_the_change_of_the_logit_margin(pair: LinearPair) -> None:
    benign_label, adversarial_label = pair.labels
    result = contributions(
        pair.benign,
        pair.adversarial,
        pair.weight,
        benign_label=benign_label,
        adversarial_label=adversarial_label,
        weights="margin",
    )
    before, after = (
        logits[adversarial_label] - logits[benign_label]
        for logits in (pair.logits(pair.benign), pair.logits(pair.adversarial))
    )
    np.testing.assert_allclose((result.adversarial - result.benign).sum(), after - before, atol=1e-8)


@given(bands(), bands())
def test_swapping_the_sides_negates_the_band_gap(benign: Band, adversarial: Band) -> None:
    there, back = band_gap(benign, adversarial), band_gap(adversarial, benign)
    np.testing.assert_array_equal(there, -back)
    apart = (benign.low > adversarial.high) | (adversarial.low > benign.high)
    np.testing.assert_array_equal(there != 0, apart)


@given(pairs)
def test_substituting_all_neurons_gives_the_other_images_logits(pair: LinearPair) -> None:
    there, back = (pair.together(range(NEURONS), into) for into in SIDES)
    np.testing.assert_allclose(there.logits, pair.logits(pair.adversarial), atol=1e-9)
    np.testing.assert_allclose(back.logits, pair.logits(pair.benign), atol=1e-9)


@given(pairs, st.sampled_from(SIDES))
def test_substituting_one_neuron_equals_a_set_of_one(pair: LinearPair, into: Side) -> None:
    each = pair.each(into)
    for values in (each.benign_drop, each.adversarial_gain):
        assert (np.abs(values) <= 1).all()
    for neuron in range(NEURONS):
        alone = pair.together([neuron], into)
        np.testing.assert_allclose(each.benign_drop[neuron], alone.benign_drop, atol=1e-9)
        np.testing.assert_allclose(each.adversarial_gain[neuron], alone.adversarial_gain, atol=1e-9)


@given(pairs)
def test_swapping_the_images_swaps_the_effects(pair: LinearPair) -> None:
    """The benign label gains from the opposite attack what it loses to the attack."""
    there, back = pair.each("benign"), pair.swapped().each("adversarial")
    np.testing.assert_array_equal(there.benign_drop, back.adversarial_gain)
    np.testing.assert_array_equal(there.adversarial_gain, back.benign_drop)


@given(st.integers(1, 8).flatmap(lambda pairs: tables(pairs, NEURONS)), st.booleans())
def test_ranks_sum_up_and_intervals_are_ordered(measure: Doubles, descending: bool) -> None:
    result = rank_neurons(measure, descending=descending, resamples=20)
    assert result.rank.sum() == NEURONS * (NEURONS + 1) / 2
    assert (np.diff(result.mean[result.order]) * (-1 if descending else 1) >= 0).all()
    assert (result.rank_low <= result.rank_high).all()
    assert result.rank_low.min() >= 1
    assert result.rank_high.max() <= NEURONS
    other_way = rank_neurons(measure, descending=not descending, resamples=20)
    np.testing.assert_array_equal(result.rank + other_way.rank, NEURONS + 1)
