"""Arrays that grow in a finished record: the groups of vulnerability maps, with one chunk per pair."""

import errno
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import ZstdCodec
from zarr.core.sync import sync
from zarr.errors import ContainsArrayError

from vulneuron.errors import RecordError, one_line
from vulneuron.record.locking import write_lock
from vulneuron.record.opening import open_group
from vulneuron.record.schema import Variable
from vulneuron.record.store import Record

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class GrowingArrays:
    """Arrays ``(pair, kind, grid_y, grid_x)`` in groups of a record; NaN where nothing is stored.

    A chunk reaches the disk whole or not at all, so several processes may fill an array while others read it.

    Parameters
    ----------
    record
        A finished record.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._arrays: dict[str, Any] = {}

    def find(self, path: str) -> Any:
        """Array of this path; None until it exists; another process may create it."""
        if path not in self._arrays:
            array = open_group(self._record.path, "r").get(path)
            if array is None:
                return None
            self._arrays[path] = array
        return self._arrays[path]

    def writing(self) -> AbstractContextManager[None]:
        """Keep the record from being replaced while an array from `writable` is written to."""
        return write_lock(self._record.path)

    def writable(
        self, path: str, variable: Variable, grid: tuple[int, int], attributes: Mapping[str, Any]
    ) -> Any:
        """Array of this path, open for writing; created with grids of this shape if it does not exist."""
        root = writable_root(self._record)
        array = root.get(path)
        if array is not None:
            return array
        folder, _, name = path.rpartition("/")
        group = _required_group(root, folder)
        try:
            return group.create_array(
                name,
                shape=(self._record.dataset.sizes["pair"], 2, *grid),
                chunks=(1, 2, *grid),
                dtype=variable.dtype,
                fill_value=np.nan,
                # With a checksum, a damaged chunk is never read as data.
                compressors=ZstdCodec(checksum=True),
                dimension_names=variable.dims,
                attributes={"units": variable.units, "long_name": variable.meaning, **attributes},
            )
        except ContainsArrayError:  # created by another process in the meantime
            return group[name]

    def values(self, array: Any, pair: int) -> npt.NDArray[np.float64]:
        """Values stored for a pair; NaN for a damaged chunk, which is then computed again."""
        try:
            return np.asarray(array[pair], np.float64)
        except RuntimeError:  # of the codec
            return np.full(array.shape[1:], np.nan)

    def pairs(self, array: Any) -> npt.NDArray[np.int64]:
        """Pairs that have a chunk, from one listing of the files instead of a request for each pair."""

        async def names() -> list[str]:
            return [name async for name in array.store.list_dir(f"{array.path}/c".lstrip("/"))]

        return np.array(sorted(int(name) for name in sync(names()) if name.isdecimal()), np.int64)

    def unwritable(self, error: OSError) -> RecordError:
        """The error for a record that cannot be written to."""
        return RecordError(
            f"vulnerability maps cannot be written to the record {self._record.path!r} ({one_line(error)})",
            allowed="a writable record on a disk with free space",
            fix="change its permissions, free some space, or copy the record",
        )


def writable_root(record: Record) -> zarr.Group:
    """Root group of a record, open for writing.

    Raises
    ------
    RecordError
        If another record is there now.
    """
    root = open_group(record.path, "r+")
    if dict(root.attrs) != dict(record.attributes):
        raise RecordError(
            f"{record.path!r} was replaced by another record since it was opened",
            allowed="the record that was opened",
            fix="open it again",
        )
    return root


def only_readable(error: OSError) -> bool:
    """Whether an error means that the record is read-only."""
    return isinstance(error, PermissionError) or error.errno in _READ_ONLY


def _required_group(root: zarr.Group, path: str) -> zarr.Group:
    group = root
    for name in path.split("/"):
        group = group.require_group(name)
    return group
