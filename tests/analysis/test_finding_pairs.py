"""Filters of pairs and nearest pairs, against loops."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vulneuron.analysis import PAIR_FILTERS, PAIR_VALUES, Analysis, Settings
from vulneuron.analysis.nearest import LIKENESSES
from vulneuron.errors import MeasureError

ENDS = st.none() | st.floats(-0.5, 2.5)
RANGES = [one.name for one in PAIR_FILTERS if one.kind == "range"]
TEXTS = st.sampled_from(["", "RED", "reen", "blue green", "7", " 3  blue ", "none of these"])


@st.composite
def _filters(draw: st.DrawFn) -> dict[str, Any]:
    filters: dict[str, Any] = {"text": draw(TEXTS), "survives_8bit": draw(st.none() | st.booleans())}
    for name in draw(st.lists(st.sampled_from(RANGES), max_size=2)):
        low, high = draw(ENDS), draw(ENDS)
        ordered = low is None or high is None or low <= high
        filters[name] = (low, high) if ordered else (high, low)
    return filters


def _passes(pairs: pd.DataFrame, pair: int, filters: dict[str, Any]) -> bool:
    row = pairs.loc[pair]
    for word in filters.get("text", "").lower().split():
        texts = [row.benign_label, row.adversarial_label, row.image_id]
        if word != str(pair) and not any(word in text.lower() for text in texts):
            return False
    for name in RANGES:
        value = float(PAIR_VALUES[name](pairs)[pair])
        low, high = filters.get(name, (None, None))
        if value < (-math.inf if low is None else low) or value > (math.inf if high is None else high):
            return False
    survives = filters.get("survives_8bit")
    return survives is None or bool(row.survives_8bit) == survives


@given(filters=_filters())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_filtered_pairs_pass_every_filter(analysis: Analysis, filters: dict[str, Any]) -> None:
    pairs = analysis.record.pairs
    expected = [pair for pair in pairs.index if _passes(pairs, pair, filters)]
    assert analysis.filter_pairs(**filters).tolist() == expected
    some = [9, 2, 5, 2]
    assert analysis.filter_pairs(some, **filters).tolist() == [pair for pair in (2, 5, 9) if pair in expected]


def test_a_limit_is_included_and_not_rounded_to_the_values_type(analysis: Analysis) -> None:
    value = float(analysis.record.pairs["perturbation_l2"][4])
    assert 4 in analysis.filter_pairs(perturbation_l2=(value, value))
    assert 4 not in analysis.filter_pairs(perturbation_l2=(np.nextafter(value, math.inf), None))


@pytest.mark.parametrize(
    "filters",
    [
        {"benign_probabilty": (0, 1)},
        {"perturbation_l2": (2, 1)},
        {"perturbation_l2": 1},
        {"perturbation_l2": (None, math.nan)},
        {"perturbation_l2": "01"},
        {"survives_8bit": 1},
        {"text": 5},
    ],
)
def test_bad_filters_are_refused(analysis: Analysis, filters: dict[str, Any]) -> None:
    with pytest.raises(MeasureError) as refused:
        analysis.filter_pairs(**filters)
    assert next(iter(filters)) in str(refused.value)


@pytest.mark.parametrize("by", LIKENESSES)
@pytest.mark.parametrize("weights", ["own", "margin"])
def test_nearest_pairs_are_those_of_a_loop(analysis: Analysis, by: Any, weights: Any) -> None:
    chosen = Settings(weights=weights)
    count = analysis.data.count

    def vector(pair: int) -> list[float]:
        if by != "change":
            side = ("benign", "adversarial").index(by)
            return [float(one) for one in analysis.data.activations[pair, side]]
        return [
            float(one) for one in analysis.neurons(pair, columns=["curve_gap"], settings=chosen)["curve_gap"]
        ]

    def length(vector: list[float]) -> float:
        return math.sqrt(sum(one * one for one in vector))

    vectors = [vector(pair) for pair in range(count)]
    for pair in (0, 7):
        distances = {}
        for other in range(count):
            product = sum(a * b for a, b in zip(vectors[pair], vectors[other], strict=True))
            lengths = length(vectors[pair]) * length(vectors[other])
            if other != pair:
                distances[other] = 1 - product / lengths if lengths else 1.0
        nearest = analysis.nearest_pairs(pair, by=by, count=5, settings=chosen)
        assert len(nearest.pairs) == 5
        for other, distance in zip(nearest.pairs, nearest.distances, strict=True):
            assert distance == pytest.approx(distances[int(other)], abs=1e-9)
        assert nearest.distances == pytest.approx(sorted(distances.values())[:5], abs=1e-9)
        among = analysis.nearest_pairs(pair, by=by, pairs=[pair, 2, 3], settings=chosen)
        assert sorted(among.pairs.tolist()) == [2, 3]


def test_bad_requests_for_nearest_pairs_are_refused(analysis: Analysis) -> None:
    assert not len(analysis.nearest_pairs(3, pairs=[3]).pairs)
    bad: list[dict[str, Any]] = [{"pair": -1}, {"by": "color"}, {"count": 0}, {"pairs": []}]
    for options in bad:
        with pytest.raises(MeasureError):
            analysis.nearest_pairs(**{"pair": 3, **options})
