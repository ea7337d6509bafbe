"""Rankings of neurons over a set of pairs, such as a matrix cell or a lasso, with their uncertainty."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import check_confidence, check_whole

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Mean of a measure over pairs, and each neuron's rank by it.

    Attributes
    ----------
    mean
        ``(neuron,)``, float64, in the unit of the measure; NaN where it is missing for every pair.
    rank
        ``(neuron,)``, float64, from 1 for the first neuron. Ties share the mean of their ranks.
    rank_low, rank_high
        ``(neuron,)``, float64: percentile interval of the rank over bootstrap resamples of the pairs; NaN
        without resamples.
    pairs
        Number of pairs.
    """

    mean: Doubles
    rank: Doubles
    rank_low: Doubles
    rank_high: Doubles
    pairs: int

    @property
    def order(self) -> Ints:
        """Neurons from the first to the last rank, ties by number."""
        return np.argsort(self.rank, kind="stable")


def rank_neurons(
    measure: Floating,
    *,
    descending: bool = True,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Ranking:
    """Rank neurons by the mean of a measure over pairs, with bootstrap intervals of the ranks.

    A resample draws as many pairs, with replacement, as there are. The interval goes from the quantile
    (1 - confidence) / 2 to (1 + confidence) / 2 of a neuron's ranks in all resamples: the percentile
    bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, Chapter 13). It measures how
    much the rank depends on the choice of pairs; with few pairs it is too narrow, with one it has no width.

    Parameters
    ----------
    measure
        ``(pair, neuron)``; NaN where it is missing, such as the band gap of a class without a band. Means are
        over the other pairs.
    descending
        Whether the neuron with the largest mean is first. Neurons without a mean are always last.
    confidence
        Strictly between 0 and 1.
    resamples
        Number of bootstrap resamples; 0 for no intervals.
    seed
        Seed of the resamples.

    Raises
    ------
    MeasureError
        If there is no pair, or a parameter is out of range.
    """
    check_confidence(confidence)
    check_whole(resamples, "resamples", least=0)
    pairs = len(measure)
    if pairs == 0:
        raise MeasureError("given no pair", allowed="at least one pair", fix="select other pairs")
    counts = _resample_counts(pairs, resamples, seed)
    means = _weighted_means(np.concatenate([np.ones((1, pairs)), counts]), measure)
    ranks = _ranks(means, descending)
    if resamples == 0:
        unknown = np.full(measure.shape[1], np.nan)
        return Ranking(means[0], ranks[0], unknown, unknown, pairs)
    low, high = np.quantile(ranks[1:], [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return Ranking(means[0], ranks[0], np.asarray(low), np.asarray(high), pairs)


def _resample_counts(pairs: int, resamples: int, seed: int) -> Doubles:
    """Number of times that each pair is in each resample, ``(resample, pair)``."""
    rng = np.random.default_rng(seed)
    counts = np.empty((resamples, pairs))
    for row in counts:
        row[:] = np.bincount(rng.integers(pairs, size=pairs), minlength=pairs)
    return counts


def _weighted_means(weights: Doubles, measure: Floating) -> Doubles:
    """Means over pairs ``(weighting, neuron)``, ignoring missing values."""
    present = ~np.isnan(measure)
    totals = weights @ np.where(present, measure, 0).astype(np.float64)
    if present.all():
        return np.asarray(totals / weights.sum(axis=1, keepdims=True))
    counts = weights @ present.astype(np.float64)
    return np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)


def _ranks(values: Doubles, descending: bool) -> Doubles:
    """Ranks from 1 in each row; ties get the mean of their ranks."""
    keys = np.where(np.isnan(values), np.inf, -values if descending else values)
    order = np.argsort(keys, axis=1)
    ascending = np.take_along_axis(keys, order, axis=1)
    rises = ascending[:, 1:] > ascending[:, :-1]
    places = np.broadcast_to(np.arange(1, keys.shape[1] + 1, dtype=np.int32), keys.shape)
    # First and last place of each run of equal keys.
    first, last = places.copy(), places.copy()
    first[:, 1:][~rises] = 1
    last[:, :-1][~rises] = keys.shape[1]
    first = np.maximum.accumulate(first, axis=1)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty_like(keys)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=1)
    return ranks
