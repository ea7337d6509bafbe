"""Detects that a record was removed or replaced, or has lost files, while it is served."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from vulneuron.record.location import is_remote
from vulneuron.record.schema import MAPS, SAVED

#: Changes when the files change; None if changes cannot be detected.
Signature = tuple[int, ...] | None


def signature_of(path: str) -> Signature:
    """Signature of the files of a record, except for those that change in a finished record."""
    if is_remote(path):
        return None
    root = Path(path)
    try:
        metadata = (root / "zarr.json").stat()
    except OSError:
        return ()
    files = 0
    for folder, folders, names in os.walk(root):
        # Vulnerability maps and findings are written while a record is served, by this server or another.
        # Compare with the spelling of the walk: a path given as `run.zarr/` or `./run.zarr` is spelled
        # differently.
        if folder == str(root):
            folders[:] = [name for name in folders if name not in (MAPS, SAVED)]
        files += len(names)
    return metadata.st_ino, metadata.st_mtime_ns, metadata.st_size, files


class FileWatch:
    """Checks from time to time whether the files of a record have changed; at each call while they differ.

    Parameters
    ----------
    path
        The record.
    least_seconds
        Shortest time between two checks.
    share
        Largest fraction of the time spent on checks, so slow checks are rare.
    signature
        Computes the signature of the files.
    clock
        Monotonic time in seconds.
    """

    def __init__(
        self,
        path: str,
        *,
        least_seconds: float = 0.5,
        share: float = 0.02,
        signature: Callable[[str], Signature] = signature_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._signature, self._clock = path, signature, clock
        self._least_seconds, self._share = least_seconds, share
        self._next_check = -math.inf
        self._accepted = self._latest = signature(path)

    def changed(self) -> bool:
        """Whether the files have changed since they were accepted; False between two checks."""
        start = self._clock()
        if start < self._next_check:
            return False
        self._latest = self._signature(self._path)
        if self._latest != self._accepted:
            self.check_soon()
            return True
        now = self._clock()
        self._next_check = start + max(self._least_seconds, (now - start) / self._share)
        return False

    def accept(self) -> None:
        """Accept the files of the last check as the current state."""
        self._accepted = self._latest

    def check_soon(self) -> None:
        """Check at the next call of `changed`."""
        self._next_check = -math.inf
