"""Thresholds of receptive fields, compared with sorted lists and numbers worked out by hand."""

from typing import Any

import numpy as np
import pytest

from vulneuron.errors import MeasureError
from vulneuron.measures.fields import coverage, dead, masks
from vulneuron.measures.thresholds import (
    Threshold,
    choose_thresholds,
    layer_threshold,
    neuron_thresholds,
    relative_thresholds,
    sample,
)

RNG = np.random.default_rng(0)
BENIGN = np.maximum(RNG.normal(size=(30, 4, 3, 2)) + np.arange(4)[:, None, None], 0).astype(np.float32)


def quantile_slowly(values: list[float], quantile: float) -> float:
    """Linear interpolation between the two neighbors in the sorted list."""
    values = sorted(values)
    position = quantile * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (position - low)


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.8, 0.995, 1.0])
def test_quantiles_equal_those_of_sorted_lists(quantile: float) -> None:
    expected = quantile_slowly([float(it) for it in BENIGN.flat], quantile)
    assert layer_threshold(BENIGN, quantile) == pytest.approx(expected, abs=1e-6)
    each = [quantile_slowly([float(it) for it in BENIGN[:, neuron].flat], quantile) for neuron in range(4)]
    np.testing.assert_allclose(neuron_thresholds(BENIGN, quantile), each, atol=1e-6)


def test_thresholds_worked_out_by_hand() -> None:
    benign = np.array([[[[0.0, 1.0, 2.0]], [[0.0, 0.0, 10.0]]], [[[3.0, 4.0, 5.0]], [[20.0, 30.0, 40.0]]]])
    # Sorted 0 0 0 1 2 3 4 5 10 20 30 40: position 0.8 * 11 = 8.8 is 0.8 of the way from 10 to 20.
    assert layer_threshold(benign) == pytest.approx(18)
    np.testing.assert_allclose(neuron_thresholds(benign), [4, 30], rtol=1e-6)
    np.testing.assert_allclose(relative_thresholds(benign[0]), [1, 5])
    np.testing.assert_allclose(relative_thresholds(benign[0], 0.1), [0.2, 1], rtol=1e-6)


def test_rules_select_the_threshold() -> None:
    maps = BENIGN[0]
    chosen = {
        rule: choose_thresholds(rule, maps, BENIGN)
        for rule in (
            Threshold(),
            Threshold("absolute", 1.25),
            Threshold("quantile"),
            Threshold("quantile", 0.995),
            Threshold("relative"),
            Threshold("relative", 0.3),
        )
    }
    np.testing.assert_array_equal(chosen[Threshold()], np.full(4, layer_threshold(BENIGN), np.float32))
    np.testing.assert_array_equal(chosen[Threshold("absolute", 1.25)], np.full(4, 1.25, np.float32))
    np.testing.assert_array_equal(chosen[Threshold("quantile")], neuron_thresholds(BENIGN, 0.8))
    np.testing.assert_array_equal(chosen[Threshold("quantile", 0.995)], neuron_thresholds(BENIGN, 0.995))
    np.testing.assert_array_equal(chosen[Threshold("relative")], relative_thresholds(maps, 0.5))
    np.testing.assert_array_equal(chosen[Threshold("relative", 0.3)], relative_thresholds(maps, 0.3))
    assert all(it.shape == (4,) and it.dtype == np.float32 for it in chosen.values())


def test_the_default_covers_a_fifth_of_an_image_on_average() -> None:
    maps = np.random.default_rng(0).gamma(1.0, size=(40, 8, 4, 4)).astype(np.float32)
    level = layer_threshold(maps)
    assert (maps > level).mean() == pytest.approx(0.2, abs=1e-3)
    shares = [coverage(masks(of_image, level, (32, 32))).mean() for of_image in maps]
    assert np.mean(shares) == pytest.approx(0.2, abs=0.04)


def test_with_relative_thresholds_only_silent_neurons_are_dead() -> None:
    maps = np.stack([np.zeros((2, 2)), -np.eye(2) - 1, np.eye(2), np.eye(2) / 1000]).astype(np.float32)
    for fraction in (0.0, 0.3, 0.5):
        levels = relative_thresholds(maps, fraction)
        assert dead(masks(maps, levels, (8, 8))).tolist() == [True, True, False, False]


def test_samples_are_seeded_bounded_ascending_and_unique() -> None:
    assert sample(5, most=10).tolist() == [0, 1, 2, 3, 4]
    chosen = sample(10_000, most=100, seed=3)
    assert len(set(chosen.tolist())) == 100
    assert (np.diff(chosen) > 0).all()
    assert 0 <= chosen.min() < 500
    assert 9500 < chosen.max() < 10_000
    np.testing.assert_array_equal(chosen, sample(10_000, most=100, seed=3))
    assert (chosen != sample(10_000, most=100, seed=4)).any()


@pytest.mark.parametrize(
    ("mode", "level", "message"),
    [
        ("otsu", None, "given threshold mode = 'otsu'. Allowed: absolute, quantile, relative"),
        ("absolute", float("nan"), "given absolute threshold nan"),
        ("quantile", 80, "given quantile threshold 80. Allowed: 0 to 1"),
        ("relative", "a", "given relative threshold 'a'"),
        ("relative", -0.1, "given relative threshold -0.1. Allowed: 0 to 1"),
    ],
)
def test_bad_rules_are_refused(mode: Any, level: float | None, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        Threshold(mode, level)
