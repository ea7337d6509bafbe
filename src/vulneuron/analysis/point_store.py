"""Exact points of vulnerability maps that are not complete yet, so that no point is computed twice."""

from contextlib import suppress
from time import monotonic as clock

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.kept_arrays import KeptArrays, only_readable
from vulneuron.analysis.recent import Recent
from vulneuron.errors import RecordError
from vulneuron.record import Record
from vulneuron.substitution import PatchGrid

Doubles = npt.NDArray[np.float64]
#: What is lost at most when a computation is killed.
SAVE_SECONDS = 2.0
_RECENT = 16


class PointStore:
    """Points of a record's pairs: an array for each patch and stride, whatever engine computed them.

    An array ``points_patch_..._stride_...`` of the group ``maps`` is float64, its kinds being the changes of
    the log-probabilities of the benign and of the adversarial label; a point that is not computed is NaN.

    Parameters
    ----------
    record
        A finished record. Where it cannot be written to, points of the last pairs are kept in memory.
    """

    def __init__(self, record: Record) -> None:
        self._arrays = KeptArrays(record)
        self._recent: Recent[tuple[int, str], Doubles] = Recent(_RECENT)

    def read(self, pair: int, grid: PatchGrid) -> Doubles | None:
        """Changes of log-probabilities, ``(label, row, column)``, as `MapPoints` takes them; None without."""
        array = self._arrays.find(_name(grid))
        recent = self._recent.get((pair, _name(grid)))
        return recent if array is None else _merged(recent, self._arrays.values(array, pair))

    def write(self, pair: int, grid: PatchGrid, changes: Doubles) -> None:
        """Add the points that are computed to those that are kept.

        Raises
        ------
        RecordError
            If the disk is full, or fails.
        """
        self._recent.put((pair, _name(grid)), changes.copy())
        try:
            array = self._writable(grid)
            # Another process may have computed others.
            array[pair] = _merged(changes, self._arrays.values(array, pair))
        except OSError as error:
            if not only_readable(error):
                raise self._arrays.unwritable(error) from error

    def drop(self, pair: int, grid: PatchGrid) -> None:
        """Forget the points of a pair, whose maps are exact now."""
        kept = self.read(pair, grid)
        if kept is None or np.isnan(kept).all():
            return
        self._recent.put((pair, _name(grid)), np.full_like(kept, np.nan))
        try:
            # A chunk of nothing but NaN is deleted.
            self._writable(grid)[pair] = np.nan
        except OSError as error:
            if not only_readable(error):
                raise self._arrays.unwritable(error) from error

    def _writable(self, grid: PatchGrid) -> npt.NDArray[np.float64]:
        attributes = {
            "units": "1",
            "quantity": "change of the log-probability",
            "kinds": ("benign_label", "adversarial_label"),
        }
        array: npt.NDArray[np.float64] = self._arrays.writable(
            _name(grid), grid.patch, grid.stride, np.float64, attributes
        )
        return array


class PointSaver:
    """Saves the points of a pair while they are computed, every few seconds and at the end.

    Parameters
    ----------
    store
        Where to.
    pair, grid
        Whose points, and where they lie.
    """

    def __init__(self, store: PointStore, pair: int, grid: PatchGrid) -> None:
        self._store, self._pair, self._grid = store, pair, grid
        self._unsaved: Doubles | None = None
        self._last = clock()

    def __call__(self, changes: Doubles) -> None:
        """Be told of the points that are known, after each batch."""
        self._unsaved = changes
        if clock() - self._last >= SAVE_SECONDS:
            # A full disk must not stop what can still be seen; at the end it is heard of.
            with suppress(RecordError):
                self.save()
            self._last = clock()

    def save(self) -> None:
        """Save what is not saved yet."""
        if self._unsaved is not None:
            self._store.write(self._pair, self._grid, self._unsaved)
            self._unsaved, self._last = None, clock()


def _name(grid: PatchGrid) -> str:
    return f"points_patch_{grid.patch}_stride_{grid.stride}"


def _merged(one: Doubles | None, other: Doubles) -> Doubles:
    return other if one is None else np.where(np.isnan(one), other, one)
