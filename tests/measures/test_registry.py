"""Declarations of measures: columns of parts, other packages' measures, and what a bad declaration says."""

from typing import Any

import numpy as np
import pytest

from vulneuron.errors import MeasureError
from vulneuron.measures import MEASURES, BySide, NeuronContext, neuron_measure
from vulneuron.measures.registry import GROUPS, NEEDS, MeasureRegistry
from vulneuron.testing import ArrayContext, MeasureTests


class TestBuiltInMeasures(MeasureTests):
    """Every declared measure keeps the contract."""

    @pytest.fixture(params=list(MEASURES))
    def measure(self, request: pytest.FixtureRequest) -> Any:
        return MEASURES[request.param]


def test_groups_and_needs_are_known() -> None:
    for measure in MEASURES.values():
        assert measure.group in GROUPS
        assert measure.needs <= set(NEEDS)


def test_rankings_are_listed_in_the_order_of_the_groups() -> None:
    groups = [MEASURES[name].group for name in MEASURES.sortable_names]
    assert list(dict.fromkeys(groups)) == list(GROUPS)
    assert sorted(groups, key=GROUPS.index) == groups


def test_parts_become_columns() -> None:
    registry = MeasureRegistry()

    @neuron_measure(
        label="rise, {part}", meaning={"benign": "one", "adversarial": "two"}, formula="f", unit="1",
        by="side", registry=registry,
    )  # fmt: skip
    def rise(context: NeuronContext) -> BySide[Any]:
        return BySide(context.activations.benign + 1, context.activations.adversarial + 2)

    assert list(registry) == ["rise_benign", "rise_adversarial"]
    one, two = registry.values()
    assert (one.family, one.part, one.label, one.meaning) == ("rise", "benign", "rise, benign", "one")
    context = ArrayContext.random(pairs=2, neurons=3, seed=0)
    np.testing.assert_array_equal(one.values(context, (2, 3)), context.activations.benign + 1)
    np.testing.assert_array_equal(two.values(context, (2, 3)), context.activations.adversarial + 2)


def test_a_name_is_declared_once() -> None:
    registry = MeasureRegistry()
    declare = neuron_measure(label="x", meaning="x", formula="x", unit="1", name="x", registry=registry)
    declare(lambda context: context.activations.benign)
    with pytest.raises(MeasureError, match="measure 'x' is declared twice"):
        declare(lambda context: context.activations.benign)


def test_values_of_another_shape_are_refused() -> None:
    registry = MeasureRegistry()

    @neuron_measure(label="flat", meaning="m", formula="f", unit="1", registry=registry)
    def flat(context: NeuronContext) -> Any:
        return context.activations.benign[0]

    with pytest.raises(MeasureError, match=r"measure 'flat' returned float32 \(3,\).*shape \(2, 3\)"):
        registry["flat"].values(ArrayContext.random(pairs=2, neurons=3, seed=0), (2, 3))
