"""`Levels`: from where on each neuron counts as responding."""

from functools import cached_property, lru_cache

import numpy as np

from vulneuron.analysis.pair_data import Floats, Ints, PairData
from vulneuron.measures.thresholds import Threshold, choose_thresholds, layer_threshold

_CACHED_NEURONS = 2**15
_NO_MAPS = np.empty((0, 0, 0, 0), np.float32)


class Levels:
    """Thresholds of receptive fields, in units of activations.

    Parameters
    ----------
    data
        The pairs, whose benign images decide what is usual.
    """

    def __init__(self, data: PairData) -> None:
        self._data = data
        self._usual = lru_cache(_CACHED_NEURONS)(self._compute_usual)

    @cached_property
    def of_layer(self) -> float:
        """Default absolute threshold: the 80th percentile over the layer's benign feature maps."""
        return layer_threshold(self._data.threshold_maps)

    def of(self, rule: Threshold, maps: Floats, neurons: Ints) -> Floats:
        """One threshold a map, ``(k,)``.

        Parameters
        ----------
        rule
            How it is chosen.
        maps
            ``(k, row, column)``; only relative thresholds read them.
        neurons
            ``(k,)``: the neuron of each map.
        """
        if rule.mode == "quantile":
            return np.array([self._usual(int(neuron), rule) for neuron in neurons], np.float32)
        if rule.mode == "absolute" and rule.level is None:
            rule = Threshold("absolute", self.of_layer)
        return choose_thresholds(rule, maps, _NO_MAPS)

    def _compute_usual(self, neuron: int, rule: Threshold) -> float:
        """Quantile of a neuron's own benign maps; that of a few neurons takes no time, that of all does."""
        maps = self._data.threshold_maps[:, neuron : neuron + 1]
        return float(choose_thresholds(rule, maps[0], maps)[0])
