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

    def contributions(self, pairs: Ints, weights: Weights, neurons: Ints | None = None) -> BySide[Doubles]:
        """Contribution of each neuron, or of some, with the selected weights, ``(pair, neuron)`` by image."""
        data = self._data
        chosen = slice(None) if neurons is None else neurons
        if not data.linear:
            return label_contributions(data.contribution[..., chosen][pairs], weights)
        benign, adversarial = np.moveaxis(data.activations[..., chosen][pairs], 1, 0)
        weight = data.weight[:, chosen]
        return contributions(benign, adversarial, weight, weights=weights, **data.labels_of(pairs))

    def bands(self, pairs: Ints, settings: CurveSettings) -> BySide[Band]:
        """Bands of each pair's two classes.

        If the head is not linear, the bands use contributions to each image's own label, so bands for
        weights other than "own" are NaN.
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
        """Bands of each pair's class: of activations if the head is linear, otherwise of contributions."""
        classes, places = np.unique(labels, return_inverse=True)
        bands = [
            self._class_band(int(label), images, settings.band, settings.confidence) for label in classes
        ]
        return Band(
            np.stack([band.low for band in bands])[places], np.stack([band.high for band in bands])[places]
        )

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def _class_band(self, label: int, images: Side, kind: BandKind, confidence: float) -> Band:
        data, side = self._data, SIDES.index(images)
        rows = class_rows(data.benign_label, data.adversarial_label, label, images)
        # Contributions are to the image's own label: the benign one on the benign side, the adversarial one
        # on the other.
        values = data.activations[rows, side] if data.linear else data.contribution[rows, side, side]
        return band(values, kind=kind, confidence=confidence)
