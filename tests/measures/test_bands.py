"""Bands and their gap, compared with loops, SciPy's statistics and numbers worked out by hand."""

import math
import statistics
from typing import Any

import numpy as np
import pytest
from scipy import stats

from vulneuron.errors import MeasureError
from vulneuron.measures.bands import Band, band, band_gap, class_rows, scaled


def bounds(*pairs: tuple[float, float]) -> Band:
    low, high = np.array(pairs, np.float64).T
    return Band(low, high)


def test_the_interval_of_a_mean_by_hand() -> None:
    """1, 2, 3, 4 have mean 2.5 and deviation 1.2910; t is 3.1824 for 3 degrees of freedom."""
    result = band(np.array([[1.0, 7], [2, 7], [3, 7], [4, 7]]))
    np.testing.assert_allclose(result.low, [2.5 - 3.1824463 * 1.2909944 / 2, 7], atol=1e-6)
    np.testing.assert_allclose(result.high, [2.5 + 3.1824463 * 1.2909944 / 2, 7], atol=1e-6)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("images", [2, 3, 50])
def test_the_interval_of_a_mean_equals_a_loop(confidence: float, images: int) -> None:
    samples = np.random.default_rng(images).normal(3, 2, (images, 6)).astype(np.float32)
    result = band(samples, confidence=confidence)
    for neuron in range(6):
        values = [float(value) for value in samples[:, neuron]]
        mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(images)
        low, high = stats.t.interval(confidence, images - 1, loc=mean, scale=error)
        assert result.low[neuron] == pytest.approx(low, rel=1e-9)
        assert result.high[neuron] == pytest.approx(high, rel=1e-9)


def test_a_quantile_band_by_hand() -> None:
    """Of 0 to 100, the central 90 % go from 5 to 95."""
    result = band(np.arange(101.0)[::-1, None], kind="quantile", confidence=0.9)
    assert result.low == pytest.approx([5])
    assert result.high == pytest.approx([95])


@pytest.mark.parametrize("kind", ["mean", "quantile"])
def test_bands_of_contributions_are_scaled_bands_of_activations(kind: Any) -> None:
    rng = np.random.default_rng(0)
    activations, weights = rng.gamma(1, size=(7, 5)), np.array([2.0, -3, 0, 0.1, -0.5])
    result = scaled(band(activations, kind=kind), weights)
    expected = band(activations * weights, kind=kind)
    np.testing.assert_allclose(result.low, expected.low, rtol=1e-12)
    np.testing.assert_allclose(result.high, expected.high, rtol=1e-12)


@pytest.mark.parametrize("kind", ["mean", "quantile"])
@pytest.mark.parametrize("images", [0, 1])
def test_too_few_images_have_no_band(kind: str, images: int) -> None:
    result = band(np.ones((images, 3)), kind=kind)  # type: ignore[arg-type]
    assert result.low.shape == result.high.shape == (3,)
    assert np.isnan(result.low).all()
    assert np.isnan(result.high).all()
    other = bounds((0, 1), (0, 1), (0, 1))
    assert np.isnan(band_gap(result, other)).all()
    assert np.isnan(band_gap(other, result)).all()


def test_the_gap_of_bands_by_hand() -> None:
    benign = bounds((0, 1), (5, 6), (0, 2), (0, 9), (3, 4), (0, 1))
    adversarial = bounds((3, 4), (1, 2), (1, 3), (4, 5), (0, 9), (1, 2))
    # Above, below, overlapping, inside, around, touching.
    assert band_gap(benign, adversarial).tolist() == [2, -3, 0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_the_gap_equals_the_papers_equation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.normal(size=(2, 40, 2)), axis=2)
    for index, gap in enumerate(band_gap(bounds(*edges[0]), bounds(*edges[1]))):
        (low_b, high_b), (low_a, high_a) = edges[:, index]
        if low_b > high_a:
            assert gap == high_a - low_b < 0
        elif low_a > high_b:
            assert gap == low_a - high_b > 0
        else:
            assert gap == 0


def test_class_rows_select_the_images_of_a_class() -> None:
    benign, adversarial = np.array([0, 1, 1, 2, 0]), np.array([1, 0, 2, 1, 2])
    assert class_rows(benign, adversarial, 1).tolist() == [1, 2]
    assert class_rows(benign, adversarial, 1, "adversarial").tolist() == [0, 3]
    assert class_rows(benign, adversarial, 7).tolist() == []


@pytest.mark.parametrize("confidence", [0, 1, -0.1, 95, math.nan])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(MeasureError, match=r"confidence = .*between 0 and 1"):
        band(np.ones((3, 2)), confidence=confidence)


def test_unknown_words_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"kind = 'median'.*mean, quantile"):
        band(np.ones((3, 2)), kind="median")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match=r"images = 'all'.*benign, adversarial"):
        class_rows(np.array([0]), np.array([1]), 0, "all")  # type: ignore[arg-type]
