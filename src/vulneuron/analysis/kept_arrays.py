"""Arrays that grow in a finished record: the group ``maps``, with one chunk a pair."""

import errno
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from zarr.codecs import ZstdCodec
from zarr.errors import ContainsArrayError

from vulneuron.errors import RecordError, one_line
from vulneuron.record import Record
from vulneuron.record.store import open_group
from vulneuron.substitution import PatchGrid

_GROUP = "maps"
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class KeptArrays:
    """Arrays ``(pair, kind, grid_y, grid_x)`` in the group ``maps`` of a record; NaN where nothing is kept.

    A chunk reaches the disk whole or not at all, so several processes may fill an array while others read it.

    Parameters
    ----------
    record
        A finished record.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._found: dict[str, Any] = {}

    def find(self, name: str) -> Any:
        """The array of this name, None if there is none yet: another process may make it at any time."""
        if name not in self._found:
            array = open_group(self._record.path, "r").get(f"{_GROUP}/{name}")
            if array is None:
                return None
            self._found[name] = array
        return self._found[name]

    def writable(
        self, name: str, patch: int, stride: int, dtype: npt.DTypeLike, attributes: Mapping[str, Any]
    ) -> Any:
        """The array of this name, to be written to; it is made if there is none."""
        root = open_group(self._record.path, "r+")
        if dict(root.attrs) != dict(self._record.attributes):
            raise RecordError(
                f"given {self._record.path!r}, where another record is now than when it was opened",
                allowed="the record that the maps are of",
                fix="open it again",
            )
        array = root.get(f"{_GROUP}/{name}")
        if array is not None:
            return array
        group, sizes = root.require_group(_GROUP), self._record.dataset.sizes
        grid = PatchGrid((sizes["y"], sizes["x"]), patch, stride)
        shape = (sizes["pair"], 2, *grid.shape)
        try:
            return group.create_array(
                name,
                shape=shape,
                chunks=(1, *shape[1:]),
                dtype=dtype,
                fill_value=np.nan,
                # With a checksum, what a disk has lost is not read as data.
                compressors=ZstdCodec(checksum=True),
                dimension_names=("pair", "kind", "grid_y", "grid_x"),
                attributes={**attributes, "patch": patch, "stride": stride},
            )
        except ContainsArrayError:  # another process was faster
            return group[name]

    def values(self, array: Any, pair: int) -> npt.NDArray[np.float64]:
        """What is kept of a pair; NaN where the disk has lost it, as it is just computed again."""
        try:
            return np.asarray(array[pair], np.float64)
        except RuntimeError:  # of the codec
            return np.full(array.shape[1:], np.nan)

    def unwritable(self, error: OSError) -> RecordError:
        """What to say of a record that cannot be written to."""
        return RecordError(
            f"vulnerability maps cannot be written to the record {self._record.path!r} ({one_line(error)})",
            allowed="a record that may be written to, on a disk with space",
            fix="change its permissions, make space, or copy the record",
        )


def only_readable(error: OSError) -> bool:
    """Whether a record may be read but not written to, so that nothing is kept in it."""
    return isinstance(error, PermissionError) or error.errno in _READ_ONLY
