"""Removal of records, and their replacement by new ones that were written beside them."""

import os
from pathlib import Path

from vulneuron.record.location import files_of, is_remote, not_a_record, was_record
from vulneuron.record.locking import write_lock


def staging_path(path: str | os.PathLike[str]) -> str:
    """Path of the record that is going to replace this one, until it is complete: a hidden sibling."""
    return _sibling(path, "new")


def replaced_path(path: str | os.PathLike[str]) -> str | None:
    """Path of the record whose `staging_path` is this local path; None if it is no such path."""
    name = Path(path).name
    if not (name.startswith(".") and name.endswith(".new") and len(name) > len("..new")):
        return None
    return str(Path(path).with_name(name.removeprefix(".").removesuffix(".new")))


def replace_record(path: str | os.PathLike[str], new: str) -> None:
    """Replace a record by a complete one beside it.

    The old record is moved aside first. If the process is killed before the new one is in place,
    `restore_record` moves it back.
    """
    old = _sibling(path, "old")
    remove_files(old)
    with write_lock(path):
        _move(path, old)
        _move(new, path)
    remove_files(old)


def restore_record(path: str | os.PathLike[str]) -> None:
    """Undo a replacement that was interrupted between its two moves."""
    files, root = files_of(path)
    old = _sibling(path, "old")
    if not files.exists(root) and was_record(old):
        _move(old, path)


def remove_record(path: str | os.PathLike[str]) -> None:
    """Delete a record.

    Raises
    ------
    RecordError
        If the path is not a record; nothing is deleted then.
    """
    if not was_record(path):
        raise not_a_record(path)
    remove_files(path)


def remove_files(path: str | os.PathLike[str]) -> None:
    """Delete the files of a record, or what an interrupted run left of one."""
    files, root = files_of(path)
    if not files.exists(root):
        return
    # Delete the metadata that marks it as a record last, so an interrupted removal can be repeated.
    for entry in files.ls(root, detail=False):
        if not entry.endswith("/zarr.json"):
            files.rm(entry, recursive=True)
    files.rm(root, recursive=True)


def _sibling(path: str | os.PathLike[str], suffix: str) -> str:
    """Path of a hidden folder beside a record, in the same file system."""
    if is_remote(path):
        parent, _, name = str(path).rstrip("/").rpartition("/")
        return f"{parent}/.{name}.{suffix}"
    target = Path(path).resolve()
    return str(target.with_name(f".{target.name}.{suffix}"))


def _move(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    if is_remote(target):
        (files, start), (_, end) = files_of(source), files_of(target)
        files.mv(start, end, recursive=True)
    else:
        # A link to a record stays a link.
        Path(source).resolve().rename(Path(target).resolve())
