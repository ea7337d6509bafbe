"""Discrepancy maps of the images of pairs: receptive fields estimated by occlusion."""

from threading import Lock
from typing import Any

from cachetools import LRUCache

from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.model import Network
from vulneuron.engines import Watch
from vulneuron.maps.occlusion import DiscrepancyMaps, discrepancy_maps
from vulneuron.measures.choices import check_choice
from vulneuron.measures.sides import SIDES, Side

_CACHED_MAPS = 32


class Occlusion:
    """Discrepancy maps, of which recent ones are cached: each takes one pass of the network per patch.

    Parameters
    ----------
    data
        The pairs.
    network
        Computes the activations on occluded images.
    """

    def __init__(self, data: LayerData, network: Network) -> None:
        self._data = data
        self._network = network
        self._cache: LRUCache[tuple[Any, ...], DiscrepancyMaps] = LRUCache(_CACHED_MAPS)
        self._lock = Lock()

    def discrepancy_maps(
        self,
        pair: int,
        neurons: Ints,
        side: Side,
        *,
        watch: Watch,
        **options: Any,
    ) -> DiscrepancyMaps:
        """Discrepancy maps of neurons on one image; see `Analysis.discrepancy_map`."""
        check_choice(side, "side", SIDES)
        key = (pair, tuple(neurons.tolist()), side, *sorted(options.items()))
        with self._lock:
            cached = self._cache.get(key)
        if cached is not None:
            return cached
        maps = discrepancy_maps(
            self._network.require(f"computing a discrepancy map of pair {pair}", self._data.layer.name),
            self._data.images(pair)[side],
            neurons,
            watch=watch,
            **options,
        )
        with self._lock:
            self._cache[key] = maps
        return maps
