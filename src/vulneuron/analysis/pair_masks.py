"""`PairMasks`: what the neurons capture on the images of a pair."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.levels import Levels
from vulneuron.analysis.pair_data import Floats, Ints, PairData
from vulneuron.analysis.results import Masks
from vulneuron.measures import receptive_field
from vulneuron.measures.thresholds import Threshold

Bools = npt.NDArray[np.bool_]
#: Masks of 1,280 neurons in images of 224 pixels are 128 MB a pair.
_CACHED_BYTES = 512 * 2**20


class PairMasks:
    """Receptive fields: of all neurons, kept for the pairs that were just looked at, or of some.

    Parameters
    ----------
    data
        The pairs.
    levels
        Their thresholds.
    """

    def __init__(self, data: PairData, levels: Levels) -> None:
        self._data = data
        self._levels = levels
        of_a_pair = 2 * data.neurons * data.image_size[0] * data.image_size[1]
        self.of_all = lru_cache(max(1, _CACHED_BYTES // of_a_pair))(self._compute_all)

    def of_some(
        self, pair: int, neurons: Ints, rule: Threshold, size: tuple[int, int] | None = None
    ) -> Masks:
        """RFs of these neurons only, on both images ``(k, *size)``; of the images' size when None."""
        maps = self._data.maps(pair)
        return Masks(
            self._masks(maps.benign[neurons], neurons, rule, size),
            self._masks(maps.adversarial[neurons], neurons, rule, size),
        )

    def of_neuron(self, pairs: Ints, neuron: int, rule: Threshold) -> Masks:
        """RFs of one neuron on the images of many pairs, ``(pair, y, x)`` on both images."""
        maps, neurons = self._data.feature_maps(pairs, neuron), np.full(len(pairs), neuron)
        return Masks(*(self._masks(maps[:, side], neurons, rule) for side in range(2)))

    def _compute_all(self, pair: int, rule: Threshold) -> Masks:
        return self.of_some(pair, np.arange(self._data.neurons), rule)

    def _masks(
        self, maps: Floats, neurons: Ints, rule: Threshold, size: tuple[int, int] | None = None
    ) -> Bools:
        thresholds = self._levels.of(rule, maps, neurons)
        return receptive_field.masks(maps, thresholds, size or self._data.image_size)
