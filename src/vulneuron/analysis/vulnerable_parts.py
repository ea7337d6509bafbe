"""`VulnerableParts`: vulnerability maps of pairs, their top pixels, and how neurons overlap with these."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.loading import required
from vulneuron.analysis.map_store import MapKey, MapStore
from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.analysis.pair_masks import PairMasks
from vulneuron.analysis.results import Overlaps, TopMasks
from vulneuron.analysis.settings import Settings
from vulneuron.measures.anytime_maps import MapStage, anytime_maps
from vulneuron.measures.overlap import iou
from vulneuron.measures.vulnerability_map import VulnerabilityMaps, to_full_size, top_mask, vulnerability_maps
from vulneuron.network import Classifier
from vulneuron.substitution import Cancel, Dense, EngineName, Incremental, PatchGrid, Progress, default_patch

_CACHED = 32
_EXACT: tuple[EngineName, ...] = ("incremental", "dense")
#: Called with each stage of maps that are computed step by step.
OnStage = Callable[[MapStage], None]


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
        # They remember what they find out about the network.
        self._dense, self._incremental = Dense(), Incremental()
        self.overlaps = lru_cache(_CACHED)(self._compute_overlaps)

    def with_maps(self, pairs: Ints, settings: Settings) -> npt.NDArray[np.bool_]:
        """Which of the pairs have their maps in the record, ``(pair,)``."""
        kept = [self._store.kept(pairs, key) for key in self._keys(settings)]
        return np.asarray(np.any(kept, axis=0))

    def prepare(self, settings: Settings) -> None:
        """Make sure that maps can be kept.

        Raises
        ------
        RecordError
            If the record cannot be written to.
        """
        self._store.prepare(self._keys(settings)[0])

    def maps(
        self,
        pair: int,
        settings: Settings,
        *,
        classifier: Classifier | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
        on_stage: OnStage | None = None,
    ) -> VulnerabilityMaps:
        """Maps from the record; else they are computed by the classifier, and kept in the record.

        Raises
        ------
        MeasureError
            If they have to be computed and there is no classifier, or patch or stride cannot be used.
        Cancelled
            If `cancelled` says so; then nothing is kept.
        """
        keys = self._keys(settings)
        for key in keys:
            kept = self._store.read(pair, key)
            if kept is not None:
                return kept
        classifier = required(classifier, f"the vulnerability maps of pair {pair}")
        images = self._data.images(pair)
        options: dict[str, Any] = {
            **self._data.labels(pair),
            "patch": keys[0].patch,
            "stride": keys[0].stride,
            "progress": progress,
            "cancelled": cancelled,
        }
        arguments = (classifier, images.benign, images.adversarial)
        if settings.engine != "anytime":
            engine = self._dense if settings.engine == "dense" else self._incremental
            return self._store.write(pair, vulnerability_maps(*arguments, engine=engine, **options))
        for stage in anytime_maps(*arguments, engine=self._incremental, top=settings.top, **options):
            if on_stage is not None:
                on_stage(stage)
        return self._store.write(pair, stage.maps)

    def top_masks(self, maps: VulnerabilityMaps, top: float) -> TopMasks:
        """The most vulnerable per cent of the pixels, each ``(y, x)`` of the images' size."""
        drop, gain = (
            top_mask(to_full_size(values, self._data.image_size, maps.stride), top)
            for values in (maps.benign_drop, maps.adversarial_gain)
        )
        return TopMasks(drop, gain)

    def _compute_overlaps(self, pair: int, settings: Settings) -> Overlaps:
        masks = self._masks.of_all(pair, settings.threshold).of(settings.iou_side)
        top = self.top_masks(self.maps(pair, settings), settings.top)
        return Overlaps(iou(masks, top.benign_drop), iou(masks, top.adversarial_gain))

    def _keys(self, settings: Settings) -> list[MapKey]:
        """Maps that these settings ask for, and exact ones of other engines, which serve as well."""
        size = self._data.image_size
        grid = PatchGrid(
            size, default_patch(size) if settings.patch is None else settings.patch, settings.stride
        )
        engines = dict.fromkeys((settings.engine, *_EXACT))
        return [MapKey(grid.patch, grid.stride, engine) for engine in engines]
