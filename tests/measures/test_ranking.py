"""Rankings, compared with SciPy's ranks, a loop over resamples and cases with a known answer."""

import numpy as np
import pytest
from scipy import stats

from vulneuron.errors import MeasureError
from vulneuron.measures.ranking import rank_neurons


def test_means_and_ranks_by_hand() -> None:
    ranking = rank_neurons(np.array([[1.0, 5, 3, 2], [3, 7, 1, 2]]))
    assert ranking.mean.tolist() == [2, 6, 2, 2]
    assert ranking.rank.tolist() == [3, 1, 3, 3]
    assert ranking.order.tolist() == [1, 0, 2, 3]
    assert ranking.pairs == 2
    ascending = rank_neurons(np.array([[1.0, 5, 3, 2], [3, 7, 1, 2]]), descending=False)
    assert ascending.rank.tolist() == [2, 4, 2, 2]
    assert ascending.order.tolist() == [0, 2, 3, 1]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_intervals_equal_a_loop_over_resamples(descending: bool, seed: int) -> None:
    """Rounded values have many ties."""
    measure = np.random.default_rng(seed).normal(size=(12, 8)).round()
    ranking = rank_neurons(measure, descending=descending, confidence=0.8, resamples=50, seed=seed)
    sign = -1 if descending else 1
    np.testing.assert_allclose(ranking.mean, measure.mean(axis=0), atol=1e-12)
    np.testing.assert_array_equal(ranking.rank, stats.rankdata(sign * measure.sum(axis=0)))
    ranks = []
    rng = np.random.default_rng(seed)
    for _ in range(50):
        resample = np.stack([measure[pair] for pair in rng.integers(12, size=12)])
        ranks.append(stats.rankdata(sign * resample.sum(axis=0)))
    np.testing.assert_allclose(ranking.rank_low, np.quantile(ranks, 0.1, axis=0))
    np.testing.assert_allclose(ranking.rank_high, np.quantile(ranks, 0.9, axis=0))


def test_equal_pairs_give_intervals_without_width() -> None:
    ranking = rank_neurons(np.tile(np.random.default_rng(0).normal(size=9), (30, 1)))
    np.testing.assert_array_equal(ranking.rank_low, ranking.rank)
    np.testing.assert_array_equal(ranking.rank_high, ranking.rank)


def test_only_similar_neurons_have_wide_intervals() -> None:
    measure = np.random.default_rng(0).normal(size=(40, 10))
    measure[:, 3] += 100
    measure[:, 6] -= 100
    ranking = rank_neurons(measure)
    assert (ranking.rank_low[3], ranking.rank[3], ranking.rank_high[3]) == (1, 1, 1)
    assert (ranking.rank_low[6], ranking.rank[6], ranking.rank_high[6]) == (10, 10, 10)
    between = np.delete(np.arange(10), [3, 6])
    assert (ranking.rank_high - ranking.rank_low)[between].min() >= 2


def test_intervals_cover_the_true_rank() -> None:
    """With known true means, 95 % intervals contain most true ranks, and 20 % intervals fewer."""
    held = {0.95: 0, 0.2: 0}
    for seed in range(20):
        measure = np.random.default_rng(seed).normal(np.linspace(1, 0, 10), 1, (60, 10))
        for confidence in held:
            ranking = rank_neurons(measure, confidence=confidence, resamples=300, seed=seed)
            truth = np.arange(1, 11)
            held[confidence] += int(((ranking.rank_low <= truth) & (truth <= ranking.rank_high)).sum())
    assert held[0.95] >= 185
    assert held[0.2] < 0.8 * held[0.95]


def test_missing_values_are_ignored() -> None:
    nan = np.nan
    ranking = rank_neurons(np.array([[1.0, nan, nan, 4], [3, 8, nan, 4]]))
    np.testing.assert_array_equal(ranking.mean, [2, 8, nan, 4])
    assert ranking.rank.tolist() == [3, 1, 4, 2]
    assert ranking.rank_high[2] == 4
    assert rank_neurons(np.array([[nan, 1.0, 2]]), descending=False).rank.tolist() == [3, 1, 2]


def test_the_same_seed_gives_the_same_intervals() -> None:
    measure = np.random.default_rng(0).normal(size=(15, 30))
    first, again, other = (rank_neurons(measure, seed=seed, resamples=40) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.rank_low, again.rank_low)
    np.testing.assert_array_equal(first.rank_high, again.rank_high)
    assert (first.rank_low != other.rank_low).any()


def test_without_resamples_there_are_no_intervals() -> None:
    measure = np.random.default_rng(0).normal(size=(15, 30))
    ranking, full = rank_neurons(measure, resamples=0), rank_neurons(measure, resamples=5)
    np.testing.assert_array_equal(ranking.rank, full.rank)
    assert np.isnan(ranking.rank_low).all()
    assert np.isnan(ranking.rank_high).all()


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(MeasureError, match="no pair"):
        rank_neurons(np.empty((0, 4)))
    with pytest.raises(MeasureError, match="confidence = 1"):
        rank_neurons(np.ones((2, 4)), confidence=1)
    with pytest.raises(MeasureError, match="resamples = -1"):
        rank_neurons(np.ones((2, 4)), resamples=-1)
