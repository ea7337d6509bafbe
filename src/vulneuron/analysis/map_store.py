"""Vulnerability maps that are kept in a record, so that none is computed twice."""

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import zarr
from zarr.errors import ContainsArrayError

from vulneuron.measures.vulnerability_map import VulnerabilityMaps
from vulneuron.record import Record
from vulneuron.record.store import open_group
from vulneuron.substitution import PatchGrid

_RECENT = 64
_KINDS = ("benign_drop", "adversarial_gain")


@dataclass(frozen=True)
class MapKey:
    """What tells one kind of vulnerability map from another: all of its parameters.

    Attributes
    ----------
    patch, stride
        In pixels, as in `vulneuron.measures.vulnerability_map.vulnerability_maps`.
    engine
        Name of the engine that computes them.
    """

    patch: int
    stride: int
    engine: str

    @property
    def name(self) -> str:
        """Name of the array in the record."""
        return f"patch_{self.patch}_stride_{self.stride}_{self.engine}"


class MapStore:
    """Maps of a record's pairs, in its group ``maps``: one array a `MapKey`, one chunk a pair.

    An array is ``(pair, kind, y, x)`` float32, kinds being benign drop and adversarial gain; a pair without a
    map is NaN. A chunk reaches the disk whole or not at all, so several processes may fill an array.

    Parameters
    ----------
    record
        A finished record. Where it cannot be written to, maps are just not kept.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._recent: OrderedDict[tuple[int, MapKey], VulnerabilityMaps] = OrderedDict()

    def read(self, pair: int, key: MapKey) -> VulnerabilityMaps | None:
        """Maps of a pair, to float32 precision; None if there are none."""
        if (pair, key) in self._recent:
            return self._recent[pair, key]
        array = self._array(key, "r")
        if array is None:
            return None
        drop, gain = np.asarray(array[pair], dtype=np.float64)
        if np.isnan(drop).any():
            return None
        return self._remember(pair, VulnerabilityMaps(drop, gain, key.patch, key.stride, key.engine))

    def write(self, pair: int, maps: VulnerabilityMaps) -> VulnerabilityMaps:
        """Keep the maps of a pair, and return them as kept: in float32 precision."""
        key = MapKey(maps.patch, maps.stride, maps.engine)
        stored = np.stack([maps.benign_drop, maps.adversarial_gain]).astype(np.float32)
        drop, gain = stored.astype(np.float64)
        kept = self._remember(pair, replace(maps, benign_drop=drop, adversarial_gain=gain))
        # A record that is only readable keeps nothing; the maps of the last pairs are in memory.
        with suppress(PermissionError):
            array = self._array(key, "r+")
            (self._create(key) if array is None else array)[pair] = stored
        return kept

    def keys(self) -> list[MapKey]:
        """Kinds of maps that at least one pair has."""
        group = open_group(self._record.path, "r").get("maps")
        if not isinstance(group, zarr.Group):
            return []
        attributes: list[dict[str, Any]] = [dict(array.attrs) for _, array in sorted(group.arrays())]
        return [MapKey(it["patch"], it["stride"], it["engine"]) for it in attributes]

    def _remember(self, pair: int, maps: VulnerabilityMaps) -> VulnerabilityMaps:
        self._recent[pair, MapKey(maps.patch, maps.stride, maps.engine)] = maps
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return maps

    def _array(self, key: MapKey, mode: Literal["r", "r+"]) -> Any:
        return open_group(self._record.path, mode).get(f"maps/{key.name}")

    def _create(self, key: MapKey) -> Any:
        group = open_group(self._record.path, "r+").require_group("maps")
        sizes = self._record.dataset.sizes
        grid = PatchGrid((sizes["y"], sizes["x"]), key.patch, key.stride)
        shape = (sizes["pair"], len(_KINDS), *grid.shape)
        try:
            return group.create_array(
                key.name,
                shape=shape,
                chunks=(1, *shape[1:]),
                dtype=np.float32,
                fill_value=np.nan,
                dimension_names=("pair", "kind", "grid_y", "grid_x"),
                attributes={
                    "units": "1",
                    "kinds": _KINDS,
                    "patch": key.patch,
                    "stride": key.stride,
                    "engine": key.engine,
                },
            )
        except ContainsArrayError:  # another process was faster
            return group[key.name]
