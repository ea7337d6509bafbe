"""Vulnerability maps that are kept in a record, so that none is computed twice."""

import errno
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.errors import ContainsArrayError

from vulneuron.analysis.pair_data import Ints
from vulneuron.analysis.recent import Recent
from vulneuron.errors import RecordError, one_line
from vulneuron.measures.vulnerability_map import VulnerabilityMaps
from vulneuron.record import Record
from vulneuron.record.store import open_group
from vulneuron.substitution import PatchGrid

_RECENT = 64
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
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
        self._recent: Recent[tuple[int, MapKey], VulnerabilityMaps] = Recent(_RECENT)
        self._found: dict[MapKey, Any] = {}

    def read(self, pair: int, key: MapKey) -> VulnerabilityMaps | None:
        """Maps of a pair, to float32 precision; None if there are none."""
        recent = self._recent.get((pair, key))
        if recent is not None:
            return recent
        array = self._array(key)
        if array is None:
            return None
        drop, gain = np.asarray(array[pair], dtype=np.float64)
        if np.isnan(drop).any():
            return None
        maps = VulnerabilityMaps(drop, gain, key.patch, key.stride, key.engine)
        return self._recent.put((pair, key), maps)

    def kept(self, pairs: Ints, key: MapKey) -> npt.NDArray[np.bool_]:
        """Which of the pairs have maps, ``(pair,)``."""
        array = self._array(key)
        recent = np.array([self._recent.get((int(pair), key)) is not None for pair in pairs], np.bool_)
        return recent if array is None else recent | ~np.isnan(array.oindex[pairs, 0, 0, 0])

    def write(self, pair: int, maps: VulnerabilityMaps) -> VulnerabilityMaps:
        """Keep the maps of a pair, and return them as kept: in float32 precision."""
        key = MapKey(maps.patch, maps.stride, maps.engine)
        stored = np.stack([maps.benign_drop, maps.adversarial_gain]).astype(np.float32)
        drop, gain = stored.astype(np.float64)
        kept = self._recent.put((pair, key), replace(maps, benign_drop=drop, adversarial_gain=gain))
        try:
            self._writable(key)[pair] = stored
        except OSError as error:
            # A record that is only readable keeps nothing; the maps of the last pairs are in memory.
            if error.errno not in _READ_ONLY:
                raise self._unwritable(error) from error
        return kept

    def prepare(self, key: MapKey) -> None:
        """Make the array of these maps.

        Raises
        ------
        RecordError
            If the record cannot be written to.
        """
        try:
            # Writes the metadata again where the array is there already.
            self._writable(key).attrs.update({"patch": key.patch})
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> RecordError:
        return RecordError(
            f"vulnerability maps cannot be written to the record {self._record.path!r} ({one_line(error)})",
            allowed="a record that may be written to, on a disk with space",
            fix="change its permissions, make space, or copy the record",
        )

    def _array(self, key: MapKey) -> Any:
        """Array of these maps, None if there is none yet: another process may make it at any time."""
        if key not in self._found:
            array = open_group(self._record.path, "r").get(f"maps/{key.name}")
            if array is None:
                return None
            self._found[key] = array
        return self._found[key]

    def _writable(self, key: MapKey) -> Any:
        group = open_group(self._record.path, "r+")
        array = group.get(f"maps/{key.name}")
        return self._create(group, key) if array is None else array

    def _create(self, root: zarr.Group, key: MapKey) -> Any:
        group = root.require_group("maps")
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
