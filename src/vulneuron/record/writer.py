"""`RecordWriter`: writes a record block by block, so a run can be interrupted and resumed at any point.

The marker of a block is written after its data, and each chunk is written completely or not at all. A block
is therefore either marked and complete, or written again. Blocks consist of whole chunks, so processes that
write different blocks never write the same file.
"""

import asyncio
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.core.sync import sync

from vulneuron.errors import RecordError
from vulneuron.measures.sides import SIDES
from vulneuron.record.location import cannot_create, was_record
from vulneuron.record.opening import consolidate, open_group
from vulneuron.record.replacement import remove_files, remove_record
from vulneuron.record.schema import (
    BLOCK_VARIABLES,
    LAYERS,
    PAIR_VARIABLES,
    PIXEL_STEPS,
    RUN,
    RUN_VARIABLES,
    SCHEMA_VERSION,
    VERSION_KEY,
    BlockSize,
    Outcome,
    Phase,
    Variable,
    block_size,
    layer_group,
    layer_variables,
)
from vulneuron.record.store import Record, open_record

Arrays = Mapping[str, npt.NDArray[Any]]


class RecordWriter:
    """Writes one record through its phases: attack, capture, complete.

    Created by `create_record` or `resume_record`.
    """

    def __init__(self, path: str, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        self._arrays: dict[str, Any] = {}

    @property
    def phase(self) -> Phase:
        """Current phase of the run."""
        return Phase(int(self.attributes["phase"]))

    @property
    def attributes(self) -> dict[str, Any]:
        """Current attributes of the record."""
        return dict(self._group.attrs)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the target layers, in the order of the forward pass."""
        return tuple(self.attributes["layers"])

    @cached_property
    def images_per_block(self) -> int:
        """Number of images of the run per block."""
        return int(self.attributes["images_per_block"])

    @cached_property
    def block_size(self) -> BlockSize:
        """Number of pairs per block and per chunk."""
        return block_size(self.attributes, [self._layer(layer).attrs for layer in self.layers])

    def run_table(self, name: str) -> npt.NDArray[Any]:
        """One column of the run table, which has one row per image."""
        return np.asarray(self._run_array(name)[:])

    def adversarial_pixels(self, images: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
        """Stored adversarial pixels of images of the run, before the run is complete."""
        blocks = [self._adversarial_block(int(image) // self.images_per_block) for image in images]
        return np.stack(
            [block[image % self.images_per_block] for block, image in zip(blocks, images, strict=True)]
        )

    def pending_image_blocks(self) -> list[int]:
        """Blocks of images that are not processed yet."""
        pending = np.flatnonzero(self.run_table("outcome") == Outcome.PENDING)
        return [int(block) for block in np.unique(pending // self.images_per_block)]

    def write_image_block(self, block: int, columns: Arrays) -> None:
        """Write the results of one block of images: all blocked variables of the run table."""
        start = block * self.images_per_block
        with _writing(self.path):
            # "outcome", the marker of a block, is last in RUN_VARIABLES, so it is written last.
            for name in [name for name, variable in RUN_VARIABLES.items() if variable.blocked]:
                self._run_array(name)[start : start + len(columns[name])] = columns[name]

    def add_notes(self, notes: Sequence[str]) -> None:
        """Add notes to those of the record, except for those that it has."""
        existing = self.attributes["notes"]
        new = [note for note in notes if note not in existing]
        if new:
            with _writing(self.path):
                self._group.attrs["notes"] = [*existing, *new]

    def begin_pairs(self, images: npt.NDArray[np.int64], dense_layers: Mapping[str, Arrays]) -> None:
        """Create the arrays of the pairs.

        Parameters
        ----------
        images
            Rows of the run table that become pairs, in this order.
        dense_layers
            ``weight`` and ``bias`` by target layer, for layers with a linear head.
        """
        sizes, names = self._sizes(len(images)), {"side": SIDES, "class": self.attributes["class_names"]}
        table = {name: self.run_table(name)[images] for name in PAIR_VARIABLES if name in RUN_VARIABLES}
        with _writing(self.path):
            self._fill(self._group, PAIR_VARIABLES, sizes, {**table, **names})
            for layer in self.layers:
                group = self._layer(layer)
                variables = layer_variables(linear=layer in dense_layers)
                rows, columns = group.attrs["map_shape"]
                layer_sizes = {"neuron": group.attrs["neurons"], "row": rows, "column": columns}
                values = {**names, "label": SIDES, **dense_layers.get(layer, {})}
                self._fill(group, variables, {**sizes, **layer_sizes}, values)
            blocks = -(-len(images) // self.block_size.pairs_per_block)
            run_sizes = {"block": blocks, "pair": len(images), "layer": len(self.layers)}
            _create(self._run, BLOCK_VARIABLES, run_sizes, BlockSize(1, 1), {"pair_rows": images})
            self._group.attrs["phase"] = Phase.CAPTURE.value

    def pair_rows(self) -> npt.NDArray[np.int64]:
        """Rows of the run table that became pairs, in the order of the pairs."""
        return self.run_table("pair_rows")

    def pending_pair_blocks(self) -> list[int]:
        """Blocks of pairs that are not captured yet."""
        return [int(block) for block in np.flatnonzero(~self.run_table("captured"))]

    def write_pair_block(
        self, block: int, arrays: Arrays, layers: Mapping[str, Arrays], split_errors: Mapping[str, float]
    ) -> None:
        """Write one block of pairs.

        Parameters
        ----------
        block
            Number of the block.
        arrays
            Images and logits.
        layers
            Feature maps, activations and contributions by layer.
        split_errors
            Largest split error by layer.
        """
        start = block * self.block_size.pairs_per_block
        groups = [(self._group, arrays), *((self._layer(layer), layers[layer]) for layer in self.layers)]
        with _writing(self.path):
            for group, variables in groups:
                for name, values in variables.items():
                    array: Any = group[name]
                    array[start : start + len(values)] = values
            self._run_array("split_error")[block] = [split_errors[layer] for layer in self.layers]
            # The marker of the block, after all layers.
            self._run_array("captured")[block] = True

    def read_pairs(self, name: str, layer: str | None = None) -> npt.NDArray[Any]:
        """One array of the captured pairs, from a layer's group or, if None, from the root."""
        array: Any = (self._group if layer is None else self._layer(layer))[name]
        return np.asarray(array[:])

    def finish(
        self, projections: Mapping[str, npt.NDArray[np.float32]], attributes: Mapping[str, Any]
    ) -> Record:
        """Write the layers' projections and the final attributes, and mark the record as complete.

        Arrays that only a resumed run needs are deleted.
        """
        errors = self.run_table("split_error").max(axis=0, initial=0.0)
        with _writing(self.path):
            for layer, error in zip(self.layers, errors, strict=True):
                group = self._layer(layer)
                array: Any = group["projection"]
                array[:] = projections[layer]
                group.attrs["split_error"] = max(float(group.attrs["split_error"]), float(error))
            if "adversarial" in self._run:
                del self._run["adversarial"]
            consolidate(self.path)
            # A single write marks the record as complete; if interrupted before it, `finish` is repeated.
            group = zarr.open_group(self.path, mode="r+", use_consolidated=True)
            group.attrs.update({**attributes, "phase": Phase.COMPLETE.value})
        return open_record(self.path)

    @lru_cache(maxsize=2)  # noqa: B019  a writer lives as long as its run
    def _adversarial_block(self, block: int) -> npt.NDArray[np.uint16]:
        """Adversarial images of a block; cached, because pairs follow the order of the images."""
        start = block * self.images_per_block
        return np.asarray(self._run_array("adversarial")[start : start + self.images_per_block])

    @cached_property
    def _run(self) -> Any:
        return self._group[RUN]

    def _run_array(self, name: str) -> Any:
        """An array of the run table, opened once."""
        if name not in self._arrays:
            self._arrays[name] = self._run[name]
        return self._arrays[name]

    def _layer(self, name: str) -> Any:
        return self._group[layer_group(name)]

    def _fill(
        self,
        group: zarr.Group,
        variables: Mapping[str, Variable],
        sizes: Mapping[str, int],
        values: Mapping[str, Any],
    ) -> None:
        """Create the arrays of a group, and write the given values; other coordinates are numbered from 0."""
        numbers = {
            name: np.arange(sizes[name]) for name, variable in variables.items() if variable.dims == (name,)
        }
        _create(group, variables, sizes, self.block_size, {**numbers, **values})

    def _sizes(self, pairs: int) -> dict[str, int]:
        attributes = self.attributes
        sizes = dict(zip(("channel", "y", "x"), attributes["image_shape"], strict=True))
        sizes |= {"pair": pairs, "side": 2, "label": 2, "axis": 2}
        return sizes | {"class": len(attributes["class_names"])}


def create_record(
    path: str | os.PathLike[str],
    attributes: Mapping[str, Any],
    layers: Mapping[str, Mapping[str, Any]],
    columns: Arrays,
    images_per_block: int,
) -> RecordWriter:
    """Create an empty record for a run over some images.

    Parameters
    ----------
    path
        Path of the record. An existing record is deleted.
    attributes
        Provenance, with at least ``class_names, image_shape``.
    layers
        Attributes of the target layers by name, in the order of the forward pass; at least
        ``neurons, map_shape, head, split_error``.
    columns
        The initial columns of the run table: ``image_id, image_index, true_label``.
    images_per_block
        Number of images attacked and written together.
    """
    sizes = dict(zip(("channel", "y", "x"), attributes["image_shape"], strict=True))
    sizes["image"] = len(columns["image_id"])
    if was_record(path):
        remove_record(path)
    start = {
        VERSION_KEY: SCHEMA_VERSION,
        "phase": Phase.CREATE.value,
        "images_per_block": images_per_block,
        "layers": list(layers),
    }
    try:
        with _writing(str(path)):
            group = zarr.create_group(str(path), zarr_format=3, attributes={**attributes, **start})
            group.create_group(LAYERS)
            for name, layer_attributes in layers.items():
                group.create_group(layer_group(name), attributes=dict(layer_attributes))
            run = group.create_group(RUN)
            _create(run, RUN_VARIABLES, sizes, BlockSize(images_per_block, images_per_block), columns)
            group.attrs["phase"] = Phase.ATTACK.value
    except (OSError, RecordError) as error:
        remove_files(path)
        if isinstance(error, RecordError):
            raise
        raise cannot_create(path, error) from error
    return RecordWriter(str(path), group)


def resume_record(path: str | os.PathLike[str]) -> RecordWriter:
    """Open an unfinished record to resume its run."""
    return RecordWriter(str(path), open_group(path, mode="r+"))


def _create(
    group: zarr.Group,
    variables: Mapping[str, Variable],
    sizes: Mapping[str, int],
    block: BlockSize,
    values: Mapping[str, Any],
) -> None:
    """Create arrays in a group, and write the given values."""
    async_group = zarr.AsyncGroup(group.metadata, group.store_path)

    async def create(name: str, variable: Variable) -> None:
        array = await async_group.create_array(name, overwrite=True, **_array_options(variable, sizes, block))
        if name in values:
            await array.setitem(slice(None), np.asarray(values[name]))

    async def create_all() -> list[BaseException | None]:
        # An error is raised only after all have ended, because their files are removed then.
        created = (create(name, variable) for name, variable in variables.items())
        return await asyncio.gather(*created, return_exceptions=True)

    # All at once: one by one, a few dozen arrays would take longer than a small run.
    for error in sync(create_all()):
        if error is not None:
            raise error


def _array_options(variable: Variable, sizes: Mapping[str, int], block: BlockSize) -> dict[str, Any]:
    shape = tuple(sizes[dim] for dim in variable.dims)
    whole = tuple(max(size, 1) for size in shape)
    blocks = (block.pairs_per_block if variable.blocked else whole[0], *whole[1:])
    scale = {"scale_factor": 1 / PIXEL_STEPS} if variable.dtype is np.uint16 else {}
    return {
        "shape": shape,
        "chunks": (block.pairs_per_chunk, *whole[1:]) if variable.sharded else blocks,
        "shards": blocks if variable.sharded else None,
        "dtype": variable.dtype,
        "dimension_names": variable.dims,
        "attributes": {"units": variable.units, "long_name": variable.meaning, **scale},
    }


@contextmanager
def _writing(path: str) -> Iterator[None]:
    """Write chunks of zeros, too, so missing chunks are detected as lost; convert errors of a full disk."""
    try:
        with zarr.config.set({"array.write_empty_chunks": True}):
            yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise RecordError(
            f"the disk is full ({error.strerror}) while writing record {path!r}",
            allowed="enough free space for the images and feature maps of all pairs",
            fix="free some space and run the same command again, or choose another --out",
        ) from error
