"""`DeadNeurons`: which neurons capture nothing, for many pairs at once."""

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.levels import Levels
from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.measures.receptive_field import peaks
from vulneuron.measures.thresholds import Threshold

Bools = npt.NDArray[np.bool_]


class DeadNeurons:
    """Compares the peaks of all upsampled feature maps with the thresholds.

    The peaks of a pair are computed when it is first asked for, and kept: two numbers a neuron and image,
    however large its feature maps are. So another threshold costs nothing.

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
        shape = (data.count, 2, data.neurons)
        self._known = np.zeros(data.count, np.bool_)
        # Memory is taken only for what is filled in.
        self._peaks = np.empty(shape, np.float32)
        self._maxima = np.empty(shape, np.float32)

    def of(self, pairs: Ints, rule: Threshold) -> Bools:
        """Whether the neurons capture nothing, ``(pair, side, neuron)``."""
        self._fill(pairs[~self._known[pairs]])
        found, neurons = self._peaks[pairs], np.arange(self._data.neurons)
        if rule.mode == "relative":
            # One threshold a map; the maximum is all of the map that it depends on.
            maxima = self._maxima[pairs].reshape(-1, 1, 1)
            levels = self._levels.of(rule, maxima, np.tile(neurons, 2 * len(pairs))).reshape(found.shape)
        else:
            levels = self._levels.of(rule, self._maxima[0, 0, :, None, None], neurons)
        return np.asarray(found <= levels)

    def _fill(self, pairs: Ints) -> None:
        for chunk in self._data.map_chunks(pairs):
            self._peaks[chunk.pairs] = peaks(chunk.maps, self._data.image_size)
            self._maxima[chunk.pairs] = chunk.maps.max(axis=(-2, -1))
            self._known[chunk.pairs] = True
