"""The records that a server is given as paths or in folders, and their names."""

import os
from collections.abc import Sequence
from pathlib import Path

from vulneuron.errors import RecordError
from vulneuron.record import open_record
from vulneuron.record.discovery import FoundRecord, find_records, is_folder_of_records
from vulneuron.server.record_names import record_names, slug


class Catalog:
    """Records by their names in URLs. A name never changes, whatever else appears in a folder.

    A record in a folder is named after its path in the folder: ``resnet/run.zarr`` becomes ``resnet-run``,
    preceded by the folder's own name if there are several folders. `record_names` names the other records. A
    name that is already taken gets a number.

    Parameters
    ----------
    paths
        Paths or URLs of records, and local folders of records.

    Attributes
    ----------
    records
        Paths of single records by name.
    folders
        Folders of records.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        texts = [os.fspath(path) for path in paths]
        self.folders = list(dict.fromkeys(text for text in texts if is_folder_of_records(text)))
        single = [text for text in texts if text not in self.folders]
        self.records = dict(zip(record_names(single), single, strict=True))
        several = len(self.folders) > 1
        self._prefixes = record_names(self.folders) if several else [""] * len(self.folders)
        self._names: dict[str, str] = {}

    @property
    def grows(self) -> bool:
        """Whether new records may appear."""
        return bool(self.folders)

    def find(self) -> dict[str, FoundRecord]:
        """Records that the folders contain now, by name."""
        found: dict[str, FoundRecord] = {}
        for folder, prefix in zip(self.folders, self._prefixes, strict=True):
            for record in find_records(folder):
                found[self._name(record.path, folder, prefix)] = record
        return found

    def finished(self) -> dict[str, str]:
        """Paths of the records that can be opened, by name.

        Raises
        ------
        RecordError
            If a record that is not in a folder cannot be opened.
        """
        for path in self.records.values():
            open_record(path).require_pairs()
        paths = {name: found.path for name, found in self.find().items()}
        return {**self.records, **{name: path for name, path in paths.items() if _can_be_opened(path)}}

    def _name(self, path: str, folder: str, prefix: str) -> str:
        if path not in self._names:
            parts = Path(path).relative_to(folder).with_suffix("").parts
            base = "-".join(filter(None, (prefix, *map(slug, parts)))) or "record"
            name, number = base, 1
            while name in self.records or name in self._names.values():
                number += 1
                name = f"{base}-{number}"
            self._names[path] = name
        return self._names[path]


def _can_be_opened(path: str) -> bool:
    try:
        open_record(path).require_pairs()
    except RecordError:
        return False
    return True
