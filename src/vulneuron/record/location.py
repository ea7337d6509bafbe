"""Location of a record: a path, or a URL that fsspec supports."""

import os
from typing import Any

import fsspec

from vulneuron.errors import RecordError, one_line
from vulneuron.record.schema import VERSION_KEY

#: What to do where there is no record.
NO_RECORD_FIX = "pass the folder that `vulneuron analyze --out` wrote"


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a URL of some fsspec store, such as ``s3://bucket/record.zarr``."""
    return "://" in str(path)


def files_of(path: str | os.PathLike[str]) -> tuple[Any, str]:
    """Fsspec's file system of a path or URL, and the path in it.

    Raises
    ------
    RecordError
        If the scheme of the URL is not supported, or the package for it is missing.
    """
    try:
        files, root = fsspec.core.url_to_fs(str(path))
    except (ImportError, ValueError) as error:
        raise RecordError(
            f"{str(path)!r} cannot be reached ({one_line(error)})",
            allowed="a path, or a URL with a scheme that fsspec supports",
            fix="install the package for it, for example s3fs for s3://",
        ) from error
    return files, root


def is_free(path: str | os.PathLike[str]) -> bool:
    """Whether a new record can be written to this location without replacing anything."""
    files, root = files_of(path)
    if not files.exists(root):
        return True
    # A run that was killed before its first write leaves only partial files behind.
    return files.isdir(root) and all(entry.endswith(".partial") for entry in files.ls(root, detail=False))


def was_record(path: str | os.PathLike[str]) -> bool:
    """Whether a record was written there, though it may be damaged or of another schema."""
    files, root = files_of(f"{str(path).rstrip('/')}/zarr.json")
    return bool(files.isfile(root)) and f'"{VERSION_KEY}"'.encode() in files.cat_file(root)


def not_a_record(path: str | os.PathLike[str]) -> RecordError:
    """The error for something else than a record."""
    return RecordError(f"{str(path)!r} is no record", allowed="a record", fix=NO_RECORD_FIX)


def cannot_create(path: str | os.PathLike[str], error: OSError) -> RecordError:
    """The error for a path where no record can be written."""
    return RecordError(
        f"record {str(path)!r} cannot be created ({error.strerror or error})",
        allowed="a path in a writable folder",
        fix="choose another --out",
    )
