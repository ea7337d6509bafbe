"""Vulnerability maps that are kept in a record, so that none is computed twice."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.kept_arrays import KeptArrays, only_readable
from vulneuron.analysis.pair_data import Ints
from vulneuron.analysis.recent import Recent
from vulneuron.measures.vulnerability_map import VulnerabilityMaps
from vulneuron.record import Record

_RECENT = 64
_KINDS = ("benign_drop", "adversarial_gain")
#: Arrays of anytime maps without a percentage in their name are settled for this one.
_USUAL_TOP = 20.0


@dataclass(frozen=True)
class MapKey:
    """What tells one kind of vulnerability map from another: all of its parameters.

    Attributes
    ----------
    patch, stride
        In pixels, as in `vulneuron.measures.vulnerability_map.vulnerability_maps`.
    engine
        Name of the engine that computes them.
    top
        Per cent of the points whose mask is settled; None for exact maps.
    """

    patch: int
    stride: int
    engine: str
    top: float | None = None

    @property
    def name(self) -> str:
        """Name of the array in the record."""
        settled = "" if self.top in (None, _USUAL_TOP) else f"_top_{self.top:.12g}"
        return f"patch_{self.patch}_stride_{self.stride}_{self.engine}{settled}"


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
        self._arrays = KeptArrays(record)
        self._recent: Recent[tuple[int, MapKey], VulnerabilityMaps] = Recent(_RECENT)

    def read(self, pair: int, key: MapKey) -> VulnerabilityMaps | None:
        """Maps of a pair, to float32 precision; None if there are none."""
        recent = self._recent.get((pair, key))
        if recent is not None:
            return recent
        array = self._array(key)
        if array is None:
            return None
        drop, gain = self._arrays.values(array, pair)
        if np.isnan(drop).any():
            return None
        maps = VulnerabilityMaps(drop, gain, key.patch, key.stride, key.engine)
        return self._recent.put((pair, key), maps)

    def kept(self, pairs: Ints, key: MapKey) -> npt.NDArray[np.bool_]:
        """Which of the pairs have maps, ``(pair,)``."""
        array = self._array(key)
        recent = np.array([self._recent.get((int(pair), key)) is not None for pair in pairs], np.bool_)
        if array is None:
            return recent
        try:
            first = array.oindex[pairs, 0, 0, 0]
        except RuntimeError:  # a chunk is damaged
            first = np.array([self._arrays.values(array, int(pair))[0, 0, 0] for pair in pairs])
        return np.asarray(recent | ~np.isnan(first))

    def write(self, pair: int, maps: VulnerabilityMaps, *, top: float | None = None) -> VulnerabilityMaps:
        """Keep the maps of a pair, and return them as kept: in float32 precision.

        Parameters
        ----------
        top
            As in `MapKey`.
        """
        key = MapKey(maps.patch, maps.stride, maps.engine, top)
        stored = np.stack([maps.benign_drop, maps.adversarial_gain]).astype(np.float32)
        drop, gain = stored.astype(np.float64)
        kept = self._recent.put((pair, key), replace(maps, benign_drop=drop, adversarial_gain=gain))
        try:
            self._writable(key)[pair] = stored
        except OSError as error:
            # A record that is only readable keeps nothing; the maps of the last pairs are in memory.
            if not only_readable(error):
                raise self._arrays.unwritable(error) from error
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
            raise self._arrays.unwritable(error) from error

    def _array(self, key: MapKey) -> Any:
        return self._arrays.find(key.name)

    def _writable(self, key: MapKey) -> Any:
        attributes: dict[str, Any] = {"units": "1", "kinds": _KINDS, "engine": key.engine}
        if key.top is not None:
            attributes["top"] = key.top
        return self._arrays.writable(key.name, key.patch, key.stride, np.float32, attributes)
