"""Clusters of a pair's neurons, shown as a dendrogram."""

from collections.abc import Callable
from operator import attrgetter
from threading import Lock
from typing import Any

from cachetools import LRUCache, cachedmethod

from vulneuron.analysis.data import LayerData
from vulneuron.analysis.fields import ReceptiveFields
from vulneuron.analysis.settings import ClusterSettings, FieldSettings
from vulneuron.measures.clustering import Dendrogram, cluster
from vulneuron.measures.distances import DISTANCES, Source
from vulneuron.measures.sides import BySide

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

    def __init__(self, data: LayerData, fields: ReceptiveFields) -> None:
        self._data = data
        self._fields = fields
        self._cache: LRUCache[tuple[object, ...], Dendrogram] = LRUCache(_CACHED_PAIRS)
        self._lock = Lock()

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def dendrogram(self, pair: int, fields: FieldSettings, clusters: ClusterSettings) -> Dendrogram:
        """Neurons clustered by the distance and the linkage that the settings choose."""
        distance = DISTANCES[clusters.distance]
        sources: dict[Source, Callable[[], BySide[Any]]] = {
            "masks": lambda: self._fields.masks_for_all(pair, fields.threshold),
            "images": lambda: self._data.images(pair),
            "features": lambda: self._data.features(pair),
        }
        arrays = [array for name in distance.sources for array in sources[name]()]
        return cluster(distance.compute(*arrays), clusters.method)
