"""Finds the records in a folder, and their unfinished replacements in hidden folders."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vulneuron.record.location import is_remote, was_record
from vulneuron.record.replacement import replaced_path, staging_path

#: The folder and its subfolders are searched.
_LEVELS = 2
_SUFFIX = ".zarr"


@dataclass(frozen=True, order=True)
class FoundRecord:
    """A record in a folder.

    Attributes
    ----------
    path
        Its path; if only its replacement was found, the path where it is going to be.
    replacement
        Path of the unfinished record that is going to replace it, if there is one.
    """

    path: str
    replacement: str | None = None


def is_folder_of_records(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a local folder that may contain records, rather than a record, even a damaged one."""
    return (
        not is_remote(path)
        and Path(path).is_dir()
        and not os.fspath(path).rstrip("/\\").endswith(_SUFFIX)
        and not (Path(path) / "zarr.json").exists()
    )


def find_records(folder: str | os.PathLike[str]) -> list[FoundRecord]:
    """Records in a folder and its subfolders, sorted by path, including damaged and unfinished ones.

    Records and hidden folders are not searched.
    """
    found = set(_search(Path(folder), _LEVELS))
    staged = {record for record in map(replaced_path, found) if record is not None}
    shown = {path for path in found if not Path(path).name.startswith(".")}
    return sorted(
        FoundRecord(path, staging_path(path) if path in staged else None) for path in shown | staged
    )


def _search(folder: Path, levels: int) -> Iterator[str]:
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:  # removed meanwhile, or not readable
        return
    for entry in entries:
        hidden = entry.name.startswith(".")
        if hidden and replaced_path(entry.path) is None:
            continue
        if was_record(entry.path) or (not hidden and entry.name.endswith(_SUFFIX)):
            yield entry.path
        elif levels > 1 and not hidden:
            yield from _search(Path(entry.path), levels - 1)
