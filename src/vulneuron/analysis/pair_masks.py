"""`PairMasks`: what the neurons capture on the images of a pair."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.settings import Side
from vulneuron.measures import receptive_field
from vulneuron.measures.thresholds import Threshold, choose_thresholds, layer_threshold

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
_CACHED_PAIRS = 16


@dataclass(frozen=True, eq=False)
class Masks:
    """What each neuron captures on both images of a pair, each ``(neuron, y, x)``."""

    benign: Bools
    adversarial: Bools

    def of(self, side: Side) -> Bools:
        """Masks of one side."""
        return self.benign if side == "benign" else self.adversarial


class PairMasks:
    """Receptive fields of all neurons, kept for the pairs that were just looked at.

    Parameters
    ----------
    data
        The pairs.
    """

    def __init__(self, data: PairData) -> None:
        self._data = data
        self.masks = lru_cache(_CACHED_PAIRS)(self._compute)

    @cached_property
    def layer_threshold(self) -> float:
        """Default absolute threshold: the 80th percentile over the layer's benign feature maps."""
        return layer_threshold(self._data.threshold_maps)

    def thresholds(self, pair: int, side: Side, rule: Threshold) -> Floats:
        """From where on each neuron counts as responding, ``(neuron,)``, in units of activations."""
        maps = self._data.maps(pair).of(side)
        return choose_thresholds(self._resolved(rule), maps, self._reference(rule))

    def sized(self, pair: int, side: Side, rule: Threshold, size: tuple[int, int]) -> Bools:
        """RFs of all neurons on one image, ``(neuron, *size)``."""
        maps = self._data.maps(pair).of(side)
        return receptive_field.masks(maps, self.thresholds(pair, side, rule), size)

    def of_neuron(self, maps: Floats, neuron: int, rule: Threshold) -> Bools:
        """RFs of one neuron in several images ``(image, y, x)``, from its maps ``(image, row, column)``."""
        reference = self._reference(rule)[:, neuron : neuron + 1]
        levels = choose_thresholds(self._resolved(rule), maps, reference)
        return receptive_field.masks(maps, np.broadcast_to(levels, len(maps)), self._data.image_size)

    def _compute(self, pair: int, rule: Threshold) -> Masks:
        size = self._data.image_size
        return Masks(self.sized(pair, "benign", rule, size), self.sized(pair, "adversarial", rule, size))

    def _resolved(self, rule: Threshold) -> Threshold:
        """The rule, with the default absolute level of the whole layer filled in."""
        if rule.mode == "absolute" and rule.level is None:
            return Threshold("absolute", self.layer_threshold)
        return rule

    def _reference(self, rule: Threshold) -> Floats:
        """Benign maps that the rule needs; reading them takes a moment, and the other rules do without."""
        if rule.mode == "quantile":
            return self._data.threshold_maps
        return np.empty((0, self._data.neurons, 0, 0), np.float32)
