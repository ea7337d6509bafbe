"""Contributions of the neurons on pairs, and the bands of the pairs' classes."""

from operator import attrgetter
from threading import Lock

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache, cachedmethod

from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.settings import CurveSettings
from vulneuron.measures.bands import Band, BandKind, band, class_rows, scaled
from vulneuron.measures.contribution import (
    Weights,
    contributions,
    curve_weights,
    label_contributions,
)
from vulneuron.measures.sides import SIDES, BySide, Side

Doubles = npt.NDArray[np.float64]
_CACHED_CLASSES = 4096


class Curves:
    """The curves and bands of the neuron vulnerability view (paper, Figure 4).

    Parameters
    ----------
    data
        The pairs.
    """

    def __init__(self, data: LayerData) -> None:
        self._data = data
        self._cache: LRUCache[tuple[object, ...], Band] = LRUCache(_CACHED_CLASSES)
        self._lock = Lock()

    def contributions(self, pairs: Ints, weights: Weights) -> BySide[Doubles]:
        """What each neuron adds to the logits that `weights` names, ``(pair, neuron)`` on both images."""
        data = self._data
        if not data.linear:
            return label_contributions(data.contribution[pairs], weights)
        benign, adversarial = np.moveaxis(data.activations[pairs], 1, 0)
        return contributions(benign, adversarial, data.weight, weights=weights, **data.labels_of(pairs))

    def bands(self, pairs: Ints, settings: CurveSettings) -> BySide[Band]:
        """Bands of each pair's two classes.

        A record of a head that is not linear has contributions to each image's own labels only, so bands for
        other weights than "own" are NaN there.
        """
        data, labels = self._data, self._data.labels_of(pairs)
        benign = self._class_bands(labels["benign_label"], "benign", settings)
        adversarial = self._class_bands(labels["adversarial_label"], settings.band_images, settings)
        if data.linear:
            weights = curve_weights(data.weight, weights=settings.weights, **labels)
            return BySide(scaled(benign, weights.benign), scaled(adversarial, weights.adversarial))
        if settings.weights != "own":
            unknown = np.full((len(pairs), data.neurons), np.nan)
            return BySide(Band(unknown, unknown), Band(unknown, unknown))
        return BySide(benign, adversarial)

    def _class_bands(self, labels: Ints, images: Side, settings: CurveSettings) -> Band:
        """Bands of the class of each pair, of activations for a linear head and else of contributions."""
        classes, places = np.unique(labels, return_inverse=True)
        found = [self._class_band(int(it), images, settings.band, settings.confidence) for it in classes]
        low, high = (np.stack([getattr(it, bound) for it in found])[places] for bound in ("low", "high"))
        return Band(low, high)

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def _class_band(self, label: int, images: Side, kind: BandKind, confidence: float) -> Band:
        data, side = self._data, SIDES.index(images)
        rows = class_rows(data.benign_label, data.adversarial_label, label, images)
        # Contributions are to the image's own label: the benign one on the benign side, the adversarial one
        # on the other.
        values = data.activations[rows, side] if data.linear else data.contribution[rows, side, side]
        return band(values, kind=kind, confidence=confidence)
