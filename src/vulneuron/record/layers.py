"""`RecordLayer`: the values of one target layer in a record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import zarr

from vulneuron.record.schema import layer_group, layer_variables

if TYPE_CHECKING:
    import xarray as xr


class RecordLayer:
    """Feature maps, activations and contributions of one target layer; returned by `Record.layer`.

    Attributes
    ----------
    path
        Path of the record.
    name
        Dotted name of the module in the network.
    attributes
        Description of the layer: ``neurons``, ``map_shape``, ``head``, how ``activation`` and
        ``contribution`` were computed, ``split_error``.
    """

    def __init__(self, path: str, name: str, group: zarr.Group) -> None:
        self.path = path
        self.name = name
        self._group = group
        self.attributes: Mapping[str, Any] = dict(group.attrs)

    def __repr__(self) -> str:
        return f"<RecordLayer {self.name} of {self.path}>"

    @property
    def neurons(self) -> int:
        """Number of channels."""
        return int(self.attributes["neurons"])

    @property
    def map_shape(self) -> tuple[int, int]:
        """``(row, column)`` of a feature map."""
        rows, columns = self.attributes["map_shape"]
        return int(rows), int(columns)

    @property
    def linear(self) -> bool:
        """Whether the head is one dense layer, so contributions are activation x weight."""
        return bool(self.attributes["head"]["kind"] == "linear")

    @cached_property
    def dataset(self) -> xr.Dataset:
        """Arrays of the layer as a lazy `xarray.Dataset`; values are read on access."""
        import xarray as xr  # noqa: PLC0415  slow to import

        dataset: xr.Dataset = xr.open_zarr(
            self.path, group=layer_group(self.name), chunks=None, consolidated=True
        )
        return dataset

    def array(self, name: str) -> Any:
        """One Zarr array, for reading parts of it without xarray's overhead."""
        return self._group[name]

    def info(self) -> dict[str, Any]:
        """Summary as plain values; an entry of ``layers`` in `Record.info`."""
        return dict(self.attributes)

    def expected_variables(self) -> list[str]:
        """Names of this layer's arrays in a finished record."""
        return list(layer_variables(linear=self.linear))
