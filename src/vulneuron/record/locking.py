"""Locks of local records, which an interrupted process releases."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vulneuron.errors import RecordError
from vulneuron.record.location import cannot_create, is_remote


@contextmanager
def record_lock(path: str | os.PathLike[str]) -> Iterator[None]:
    """Lock a local record for one run.

    Raises
    ------
    RecordError
        If another run has the lock, or the folder is not writable.
    """
    if is_remote(path):
        yield
        return
    target = Path(path).absolute()
    lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=0)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RecordError(
            f"another run is writing record {str(path)!r}",
            allowed="one run per record at a time",
            fix="wait until it has finished",
        ) from None
    except OSError as error:
        raise cannot_create(path, error) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
