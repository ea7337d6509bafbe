"""Clusters of a pair's neurons, shown as a dendrogram."""

from operator import attrgetter
from threading import Lock

from cachetools import LRUCache, cachedmethod

from vulneuron.analysis.data import PairData
from vulneuron.analysis.fields import ReceptiveFields
from vulneuron.analysis.settings import Settings
from vulneuron.measures.clustering import Dendrogram, cluster
from vulneuron.measures.distances import (
    Distances,
    feature_map_distances,
    iou_distances,
    receptive_field_distances,
)

_CACHED_PAIRS = 32


class Clusters:
    """Dendrograms of pairs, of which recent ones are cached (paper, Section 5.2.2).

    Parameters
    ----------
    data
        The pairs.
    fields
        Their receptive fields.
    """

    def __init__(self, data: PairData, fields: ReceptiveFields) -> None:
        self._data = data
        self._fields = fields
        self._cache: LRUCache[tuple[object, ...], Dendrogram] = LRUCache(_CACHED_PAIRS)
        self._lock = Lock()

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def dendrogram(self, pair: int, settings: Settings) -> Dendrogram:
        """Neurons clustered by the distance that the settings choose."""
        return cluster(self._distances(pair, settings), settings.method)

    def _distances(self, pair: int, settings: Settings) -> Distances:
        if settings.distance == "feature_map":
            features = self._data.features(pair)
            return feature_map_distances(features.benign, features.adversarial)
        masks = self._fields.masks_for_all(pair, settings.threshold)
        if settings.distance == "iou":
            return iou_distances(masks.benign, masks.adversarial)
        images = self._data.images(pair)
        return receptive_field_distances(masks.benign, masks.adversarial, images.benign, images.adversarial)
