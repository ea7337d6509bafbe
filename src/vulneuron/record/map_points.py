"""Stores exact points of incomplete vulnerability maps, so no point is computed twice."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from vulneuron.errors import RecordError
from vulneuron.record.growing import GrowingArrays, only_readable
from vulneuron.record.schema import MAP_POINTS, map_group
from vulneuron.record.store import Record

Doubles = npt.NDArray[np.float64]
#: Most seconds of work that are lost when a computation is killed.
SAVE_SECONDS = 2.0
_RECENT_PAIRS = 16


class MapPointStore:
    """Points of vulnerability maps with one patch and stride, by any engine.

    The array ``points`` in the group of the patch and stride is float64; its kinds are the changes of the
    log-probabilities of the benign and of the adversarial label. Points that are not computed are NaN.

    Parameters
    ----------
    record
        A finished record. If it is read-only, points of recent pairs stay in memory and are not stored.
    patch, stride
        Patch and stride of the vulnerability maps, in pixels.
    """

    def __init__(self, record: Record, patch: int, stride: int) -> None:
        self._arrays = GrowingArrays(record)
        self._patch, self._stride = patch, stride
        self._recent: LRUCache[int, Doubles] = LRUCache(_RECENT_PAIRS)
        self._lock = Lock()

    @property
    def path(self) -> str:
        """Path of the array in the record."""
        return f"{map_group(self._patch, self._stride)}/points"

    def read(self, pair: int) -> Doubles | None:
        """Changes of log-probabilities ``(label, row, column)``, as in `MapPoints`; None if missing."""
        array = self._arrays.find(self.path)
        with self._lock:
            recent = self._recent.get(pair)
        return recent if array is None else _merged(recent, self._arrays.values(array, pair))

    def write(self, pair: int, changes: Doubles) -> None:
        """Add computed points to the stored ones.

        Raises
        ------
        RecordError
            If the disk is full, or fails.
        """
        self._remember(pair, changes.copy())
        try:
            with self._arrays.writing():
                array = self._writable(changes.shape)
                # Another process may have computed other points.
                array[pair] = _merged(changes, self._arrays.values(array, pair))
        except OSError as error:
            if not only_readable(error):
                raise self._arrays.unwritable(error) from error

    def drop(self, pair: int) -> None:
        """Delete the points of a pair, whose maps are now exact."""
        stored = self.read(pair)
        if stored is None or np.isnan(stored).all():
            return
        self._remember(pair, np.full_like(stored, np.nan))
        try:
            with self._arrays.writing():
                # Zarr deletes a chunk in which all values are NaN.
                self._writable(stored.shape)[pair] = np.nan
        except OSError as error:
            if not only_readable(error):
                raise self._arrays.unwritable(error) from error

    def _remember(self, pair: int, changes: Doubles) -> None:
        with self._lock:
            self._recent[pair] = changes

    def _writable(self, shape: tuple[int, ...]) -> Any:
        attributes = {
            "kinds": ("benign_label", "adversarial_label"),
            "patch": self._patch,
            "stride": self._stride,
        }
        return self._arrays.writable(self.path, MAP_POINTS, (shape[1], shape[2]), attributes)


class MapPointSaver:
    """Saves the points of a pair during their computation, every few seconds.

    Parameters
    ----------
    store
        Store that the points are saved to.
    pair
        Number of the pair.
    seconds
        Time between two saves, the most work that can be lost.
    clock
        Returns the time in seconds.
    """

    def __init__(
        self,
        store: MapPointStore,
        pair: int,
        *,
        seconds: float = SAVE_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store, self._pair, self._seconds, self._clock = store, pair, seconds, clock
        self._unsaved: Doubles | None = None
        self._last = self._clock()

    def __call__(self, changes: Doubles) -> None:
        """Progress callback, called with all computed points after each batch."""
        self._unsaved = changes
        if self._clock() - self._last >= self._seconds:
            # A full disk must not stop the computation, whose result can be shown; the last save reports it.
            with suppress(RecordError):
                self.save()
            self._last = self._clock()

    def save(self) -> None:
        """Save points that are not saved yet."""
        if self._unsaved is not None:
            self._store.write(self._pair, self._unsaved)
            self._unsaved, self._last = None, self._clock()


def _merged(points: Doubles | None, others: Doubles) -> Doubles:
    return others if points is None else np.where(np.isnan(points), others, points)
