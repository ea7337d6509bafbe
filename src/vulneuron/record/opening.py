"""Zarr groups of records: how they are opened, checked and consolidated."""

import asyncio
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import zarr
from zarr.core.sync import sync
from zarr.errors import GroupNotFoundError, ZarrUserWarning

from vulneuron.errors import RecordError
from vulneuron.record.location import NO_RECORD_FIX, is_remote
from vulneuron.record.schema import SCHEMA_VERSION, VERSION_KEY


def open_group(path: str | os.PathLike[str], mode: Literal["r", "r+"] = "r") -> zarr.Group:
    """Zarr group of a record, its schema version checked."""
    if not is_remote(path) and not Path(path).exists():
        raise RecordError(f"record {str(path)!r} does not exist", allowed="a record", fix=NO_RECORD_FIX)
    try:
        group = zarr.open_group(str(path), mode=mode, zarr_format=3, use_consolidated=False)
        version = group.attrs.get(VERSION_KEY)
    except GroupNotFoundError:
        raise RecordError(
            f"{str(path)!r} is no record: it has no zarr.json", allowed="a record", fix=NO_RECORD_FIX
        ) from None
    except Exception as error:  # Zarr raises many types on damaged metadata
        raise RecordError(
            f"the metadata of record {str(path)!r} cannot be read ({type(error).__name__})",
            allowed="an undamaged record",
            fix="restore it from a copy, or run analyze again with --overwrite",
        ) from error
    if not isinstance(version, int):
        raise RecordError(
            f"{str(path)!r} is a Zarr group, but no record", allowed="a record", fix=NO_RECORD_FIX
        )
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"record {str(path)!r} was written with schema {version}",
            allowed=f"schema {SCHEMA_VERSION}",
            fix="upgrade with `pip install -U vulneuron`",
        )
    if version < SCHEMA_VERSION:
        raise RecordError(
            f"record {str(path)!r} was made with the older schema {version}",
            allowed=f"schema {SCHEMA_VERSION}",
            fix="run `vulneuron analyze` again, with --overwrite",
        )
    return group


def require_arrays(path: str, group: zarr.Group, names: Sequence[str]) -> None:
    """Refuse a record of which arrays or chunks are missing: Zarr itself would read those as zeros.

    Raises
    ------
    RecordError
        If one of these arrays is missing, or has lost a chunk.
    """
    async_group = zarr.AsyncGroup(group.metadata, group.store_path)

    async def problem(name: str) -> str | None:
        array = await async_group.get(name)
        if not isinstance(array, zarr.AsyncArray):
            return "is missing"
        return "misses chunks" if await array.nchunks_initialized() < array.nchunks else None

    async def problems(names: Sequence[str]) -> list[str | None]:
        return await asyncio.gather(*map(problem, names))

    # All at once, because a record has some forty arrays.
    for name, found in zip(names, sync(problems(names)), strict=True):
        if found is not None:
            raise RecordError(
                f"record {path!r} is truncated: its array {name!r} {found}",
                allowed="a whole record",
                fix="restore it from a copy, or run analyze again with --overwrite",
            )


def consolidate(path: str) -> None:
    """Consolidate the metadata, so xarray opens the record with a single read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)  # consolidation is not yet part of the v3 text
        zarr.consolidate_metadata(path, zarr_format=3)
