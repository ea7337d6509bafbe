"""Locks of local records, which an interrupted process releases."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vulneuron.errors import RecordError
from vulneuron.record.location import cannot_create, is_remote

#: Longest wait for a moment in which nobody writes to a record, in seconds.
_PATIENCE = 60.0


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


@contextmanager
def write_lock(path: str | os.PathLike[str]) -> Iterator[None]:
    """Lock a local record for one write to it, or for its replacement by another record.

    A map that was computed for the old record can then not be written to the new one. There is no lock for
    URLs, or in a folder that is not writable, where no record can be replaced.

    Raises
    ------
    RecordError
        If another process has held the lock for a minute.
    """
    target = Path(path).resolve()
    if is_remote(path) or not os.access(target.parent, os.W_OK):
        yield
        return
    with short_lock(target.with_name(f".{target.name}.write.lock"), path):
        yield


@contextmanager
def short_lock(file: Path, path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a lock file of a record for a moment; errors as for `write_lock`."""
    lock = FileLock(file, timeout=_PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise RecordError(
            f"another process has locked record {str(path)!r} for a minute",
            allowed="short writes",
            fix="end that process, and try again",
        ) from None
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()
