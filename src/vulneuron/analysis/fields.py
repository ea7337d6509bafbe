"""Receptive fields (RFs) on the images of pairs: thresholds, masks, dead neurons, combinations."""

from functools import cached_property
from operator import attrgetter
from threading import Lock

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache, cachedmethod

from vulneuron.analysis.data import Floats, Ints, LayerData
from vulneuron.analysis.results import Masks, ReceptiveField
from vulneuron.analysis.settings import Combination
from vulneuron.measures import fields
from vulneuron.measures.packed_masks import PackedMasks
from vulneuron.measures.sides import BySide
from vulneuron.measures.thresholds import Threshold, choose_thresholds, layer_threshold

Bools = npt.NDArray[np.bool_]
#: Masks of 1,280 neurons in images of 224 pixels take 16 MB per pair.
_CACHED_BYTES = 256 * 2**20
_CACHED_NEURONS = 2**15
_NO_FEATURES = np.empty((0, 0, 0, 0), np.float32)


class FieldThresholds:
    """Thresholds of receptive fields, in the unit of the activations.

    Parameters
    ----------
    data
        The pairs; default thresholds are quantiles over their benign images.
    """

    def __init__(self, data: LayerData) -> None:
        self._data = data
        self._cache: LRUCache[tuple[int, Threshold], float] = LRUCache(_CACHED_NEURONS)
        self._lock = Lock()

    @cached_property
    def layer_default(self) -> float:
        """Default absolute threshold: the 80th percentile over the layer's benign feature maps."""
        return layer_threshold(self._data.threshold_features)

    def levels(self, rule: Threshold, features: Floats, neurons: Ints) -> Floats:
        """One threshold per feature map, ``(k,)``.

        Parameters
        ----------
        rule
            Rule for the thresholds.
        features
            ``(k, row, column)`` feature maps; only relative thresholds depend on them.
        neurons
            ``(k,)``: the neuron of each feature map.
        """
        if rule.mode == "quantile":
            return np.array([self._neuron_quantile(int(neuron), rule) for neuron in neurons], np.float32)
        if rule.mode == "absolute" and rule.level is None:
            rule = Threshold("absolute", self.layer_default)
        return choose_thresholds(rule, features, _NO_FEATURES)

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def _neuron_quantile(self, neuron: int, rule: Threshold) -> float:
        # Quantiles of all neurons at once take seconds on a large layer; those of a few neurons take no time.
        features = self._data.threshold_features[:, neuron : neuron + 1]
        return float(choose_thresholds(rule, features[0], features)[0])


class ReceptiveFields:
    """Masks of receptive fields; those of all neurons are cached for recent pairs.

    Parameters
    ----------
    data
        The pairs.
    thresholds
        Activation thresholds of the neurons.
    """

    def __init__(self, data: LayerData, thresholds: FieldThresholds) -> None:
        self._data = data
        self._thresholds = thresholds
        bytes_per_pair = data.neurons * data.image_size[0] * data.image_size[1] // 4
        self._cache: LRUCache[tuple[int, Threshold], BySide[PackedMasks]] = LRUCache(
            max(1, _CACHED_BYTES // max(1, bytes_per_pair))
        )
        self._lock = Lock()

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def masks_for_all(self, pair: int, rule: Threshold) -> BySide[PackedMasks]:
        """Masks of all neurons on both images of a pair, of the image size."""
        neurons, size = np.arange(self._data.neurons), self._data.image_size
        benign, adversarial = (
            fields.packed_masks(features, self._thresholds.levels(rule, features, neurons), size)
            for features in self._data.features(pair)
        )
        return BySide(benign, adversarial)

    def masks_for_some(
        self, pair: int, neurons: Ints, rule: Threshold, size: tuple[int, int] | None = None
    ) -> Masks:
        """Masks of these neurons on both images of a pair, each ``(k, *size)``; of the image size if None."""
        features = self._data.features(pair)
        return BySide(
            self._masks(features.benign[neurons], neurons, rule, size),
            self._masks(features.adversarial[neurons], neurons, rule, size),
        )

    def masks_for_pairs(self, pairs: Ints, neuron: int, rule: Threshold) -> Masks:
        """Masks of one neuron on the images of many pairs, each ``(pair, y, x)``."""
        features, neurons = self._data.neuron_features(pairs, neuron), np.full(len(pairs), neuron)
        return BySide(*(self._masks(features[:, side], neurons, rule) for side in range(2)))

    def _masks(
        self, features: Floats, neurons: Ints, rule: Threshold, size: tuple[int, int] | None = None
    ) -> Bools:
        levels = self._thresholds.levels(rule, features, neurons)
        return fields.masks(features, levels, size or self._data.image_size)


class DeadNeurons:
    """Dead neurons, which capture nothing, of many pairs at once.

    The peaks of a pair's upsampled feature maps are computed on first use and cached: two numbers per neuron
    and image. Another threshold then costs nothing.

    Parameters
    ----------
    data
        The pairs.
    thresholds
        Activation thresholds of the neurons.
    """

    def __init__(self, data: LayerData, thresholds: FieldThresholds) -> None:
        self._data = data
        self._thresholds = thresholds
        shape = (data.count, 2, data.neurons)
        self._cached = np.zeros(data.count, np.bool_)
        # Uninitialized, because the operating system provides memory only for the pages that are written.
        self._peaks = np.empty(shape, np.float32)
        self._maxima = np.empty(shape, np.float32)

    def dead(self, pairs: Ints, rule: Threshold) -> Bools:
        """Whether each neuron captures nothing, ``(pair, side, neuron)``."""
        self._fill(pairs[~self._cached[pairs]])
        peaks, neurons = self._peaks[pairs], np.arange(self._data.neurons)
        if rule.mode == "relative":
            # Relative thresholds depend only on the maximum of each feature map.
            maxima = self._maxima[pairs].reshape(-1, 1, 1)
            levels = self._thresholds.levels(rule, maxima, np.tile(neurons, 2 * len(pairs)))
            return np.asarray(peaks <= levels.reshape(peaks.shape))
        levels = self._thresholds.levels(rule, self._maxima[0, 0, :, None, None], neurons)
        return np.asarray(peaks <= levels)

    def _fill(self, pairs: Ints) -> None:
        for chunk in self._data.feature_chunks(pairs):
            self._peaks[chunk.pairs] = fields.peaks(chunk.features, self._data.image_size)
            self._maxima[chunk.pairs] = chunk.features.max(axis=(-2, -1))
            self._cached[chunk.pairs] = True


def combined_mask(masks: Bools, combination: Combination) -> Bools:
    """Pixels ``(y, x)`` that any ("union") or all ("intersection") of the neurons ``(k, y, x)`` capture."""
    combine = {"union": fields.union, "intersection": fields.intersection}
    return combine[combination](masks)


def combined(masks: Bools, image: Floats, combination: Combination) -> ReceptiveField:
    """Receptive field of a set of neurons on one image.

    Parameters
    ----------
    masks
        ``(k, y, x)``, one per neuron.
    image
        ``(channel, y, x)`` in [0, 1]; its size may differ from that of the masks.
    combination
        "union" or "intersection".
    """
    mask = combined_mask(masks, combination)
    return ReceptiveField(mask, fields.masked_image(image, mask), float(mask.mean()), fields.dead(masks))
