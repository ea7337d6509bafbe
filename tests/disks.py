"""Disks that fail, for all records in folders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zarr


@contextmanager
def failing_writes(code: int) -> Iterator[None]:
    """Make each write of a record fail with a system error, such as ``errno.ENOSPC``."""

    async def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zarr.storage.LocalStore, "set", fail)
        patch.setattr(zarr.storage.LocalStore, "set_if_not_exists", fail)
        yield
