"""`VulnerableParts`: vulnerability maps of pairs, their top pixels, and how neurons overlap with these."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.loading import required
from vulneuron.analysis.map_store import MapKey, MapStore
from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.analysis.pair_masks import PairMasks
from vulneuron.analysis.results import Overlaps, TopMasks
from vulneuron.analysis.settings import Settings
from vulneuron.measures.overlap import iou
from vulneuron.measures.vulnerability_map import VulnerabilityMaps, to_full_size, top_mask, vulnerability_maps
from vulneuron.network import Classifier
from vulneuron.substitution import Cancel, PatchGrid, Progress, default_patch

_CACHED = 32
_ENGINE = "dense"


class VulnerableParts:
    """The image side of vulnerability (paper, Algorithm 1 and Figure 3).

    Parameters
    ----------
    data
        The pairs.
    masks
        Their receptive fields.
    """

    def __init__(self, data: PairData, masks: PairMasks) -> None:
        self._data = data
        self._masks = masks
        self._store = MapStore(data.record)
        self.overlaps = lru_cache(_CACHED)(self._compute_overlaps)

    def with_maps(self, pairs: Ints, patch: int | None, stride: int) -> npt.NDArray[np.bool_]:
        """Which of the pairs have their maps in the record, ``(pair,)``."""
        return self._store.kept(pairs, self._key(patch, stride))

    def prepare(self, patch: int | None, stride: int) -> None:
        """Make sure that maps can be kept.

        Raises
        ------
        RecordError
            If the record cannot be written to.
        """
        self._store.prepare(self._key(patch, stride))

    def maps(
        self,
        pair: int,
        patch: int | None,
        stride: int,
        *,
        classifier: Classifier | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> VulnerabilityMaps:
        """Maps from the record; else they are computed by the classifier, and kept in the record.

        Raises
        ------
        MeasureError
            If they have to be computed and there is no classifier, or patch or stride cannot be used.
        Cancelled
            If `cancelled` says so; then nothing is kept.
        """
        key = self._key(patch, stride)
        kept = self._store.read(pair, key)
        if kept is not None:
            return kept
        classifier = required(classifier, f"the vulnerability maps of pair {pair}")
        images = self._data.images(pair)
        maps = vulnerability_maps(
            classifier,
            images.benign,
            images.adversarial,
            patch=key.patch,
            stride=key.stride,
            progress=progress,
            cancelled=cancelled,
            **self._data.labels(pair),
        )
        return self._store.write(pair, maps)

    def top_masks(self, maps: VulnerabilityMaps, top: float) -> TopMasks:
        """The most vulnerable per cent of the pixels, each ``(y, x)`` of the images' size."""
        drop, gain = (
            top_mask(to_full_size(values, self._data.image_size, maps.stride), top)
            for values in (maps.benign_drop, maps.adversarial_gain)
        )
        return TopMasks(drop, gain)

    def _compute_overlaps(self, pair: int, settings: Settings) -> Overlaps:
        masks = self._masks.of_all(pair, settings.threshold).of(settings.iou_side)
        top = self.top_masks(self.maps(pair, settings.patch, settings.stride), settings.top)
        return Overlaps(iou(masks, top.benign_drop), iou(masks, top.adversarial_gain))

    def _key(self, patch: int | None, stride: int) -> MapKey:
        size = self._data.image_size
        grid = PatchGrid(size, default_patch(size) if patch is None else patch, stride)
        return MapKey(grid.patch, grid.stride, _ENGINE)
