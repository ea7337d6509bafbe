"""`VulnerableParts`: vulnerability maps of pairs, their top pixels, and how neurons overlap with these."""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.combining import combined_mask
from vulneuron.analysis.loading import required
from vulneuron.analysis.map_store import MapKey, MapStore
from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.analysis.pair_masks import PairMasks
from vulneuron.analysis.point_store import PointSaver, PointStore
from vulneuron.analysis.results import Overlap, Overlaps, TopMasks
from vulneuron.analysis.settings import Combination, Settings
from vulneuron.measures.anytime_maps import MapStage, exact_stage, map_stages
from vulneuron.measures.map_points import MapPoints
from vulneuron.measures.overlap import iou
from vulneuron.measures.vulnerability_map import VulnerabilityMaps, exact_maps, to_full_size, top_mask
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
    memory
        Bytes that the engines' maps may take at once, about.
    """

    def __init__(self, data: PairData, masks: PairMasks, memory: int) -> None:
        self._data = data
        self._masks = masks
        self._store = MapStore(data.record)
        self._points = PointStore(data.record)
        # They remember what they find out about the network.
        self._dense, self._incremental = Dense(memory=memory), Incremental(memory=memory)
        self._overlaps = lru_cache(_CACHED)(self._compute_overlaps)

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
        self._store.prepare(self._key(settings, settings.engine))

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

        Points of an earlier computation that was stopped, or that needed no more, are not computed again.

        Raises
        ------
        MeasureError
            If they have to be computed and there is no classifier, or patch or stride cannot be used.
        Cancelled
            If `cancelled` says so; the points that are computed by then are kept, not the maps.
        """
        for key in self._keys(settings):
            kept = self._store.read(pair, key)
            if kept is not None:
                return kept
        grid, images = self._grid(settings), self._data.images(pair)
        saver = PointSaver(self._points, pair, grid)
        points = MapPoints(
            required(classifier, f"the vulnerability maps of pair {pair}"),
            images.benign,
            images.adversarial,
            **self._data.labels(pair),
            patch=grid.patch,
            stride=grid.stride,
            engine=self._dense if settings.engine == "dense" else self._incremental,
            known=self._points.read(pair, grid),
            progress=progress,
            cancelled=cancelled,
            on_batch=saver,
        )
        try:
            maps = _computed(points, settings, on_stage)
        except BaseException:
            # What stopped it has to be heard of, not that the disk is full.
            with suppress(Exception):
                saver.save()
            raise
        if settings.engine == "anytime":
            saver.save()
            return self._store.write(pair, maps, top=settings.top)
        kept = self._store.write(pair, maps)
        self._points.drop(pair, grid)
        return kept

    def overlaps(self, pair: int, settings: Settings) -> Overlaps:
        """IoU of each neuron's RF with the top masks of both maps, which are in the record."""
        # Exact maps may have come where estimates were.
        return self._overlaps(pair, settings, self.maps(pair, settings).engine)

    def overlap(
        self,
        pair: int,
        neurons: Ints,
        combine: Combination,
        settings: Settings,
        classifier: Classifier | None,
    ) -> Overlap:
        """IoU of the neurons' combined RF with the top masks of both maps; see `Analysis.overlap`."""
        top = top_masks(self.maps(pair, settings, classifier=classifier), self._data.image_size, settings.top)
        masks = self._masks.of_some(pair, neurons, settings.threshold).of(settings.iou_side)
        field = combined_mask(masks, combine)[None]
        return Overlap(float(iou(field, top.benign_drop)[0]), float(iou(field, top.adversarial_gain)[0]))

    def _compute_overlaps(self, pair: int, settings: Settings, _engine: str) -> Overlaps:
        masks = self._masks.of_all(pair, settings.threshold).of(settings.iou_side)
        top = top_masks(self.maps(pair, settings), self._data.image_size, settings.top)
        return Overlaps(iou(masks, top.benign_drop), iou(masks, top.adversarial_gain))

    def _grid(self, settings: Settings) -> PatchGrid:
        size = self._data.image_size
        return PatchGrid(
            size, default_patch(size) if settings.patch is None else settings.patch, settings.stride
        )

    def _keys(self, settings: Settings) -> list[MapKey]:
        """Maps that serve for these settings: exact ones of any engine, the asked one first, or estimates."""
        asked = settings.engine
        engines = (*_EXACT, asked) if asked == "anytime" else dict.fromkeys((asked, *_EXACT))
        return [self._key(settings, engine) for engine in engines]

    def _key(self, settings: Settings, engine: EngineName) -> MapKey:
        grid = self._grid(settings)
        return MapKey(grid.patch, grid.stride, engine, settings.top if engine == "anytime" else None)


def top_masks(maps: VulnerabilityMaps, image_size: tuple[int, int], top: float) -> TopMasks:
    """The most vulnerable per cent of the pixels, each ``(y, x)`` of the images' size."""
    drop, gain = (
        top_mask(to_full_size(values, image_size, maps.stride), top)
        for values in (maps.benign_drop, maps.adversarial_gain)
    )
    return TopMasks(drop, gain)


def _computed(points: MapPoints, settings: Settings, on_stage: OnStage | None) -> VulnerabilityMaps:
    """Maps by the settings' engine; in the order of stages if somebody watches or they end with one."""
    anytime = settings.engine == "anytime"
    if anytime or on_stage is not None:
        for stage in map_stages(points, top=settings.top):
            if on_stage is not None and (anytime or stage.name != "exact"):
                on_stage(stage)
        if anytime:
            return stage.maps
    maps = exact_maps(points)
    if on_stage is not None:
        on_stage(exact_stage(maps))
    return maps
