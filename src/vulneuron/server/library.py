"""The records of a server by name, including those that appear in its folders later."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from torch import nn

from vulneuron.network.batch_size import MEMORY
from vulneuron.record import Record
from vulneuron.server import record_models
from vulneuron.server.catalog import Catalog
from vulneuron.server.file_watch import FileWatch
from vulneuron.server.folder_record import FolderRecord
from vulneuron.server.network import RecordNetwork
from vulneuron.server.problems import NotFound
from vulneuron.server.served_record import ServedRecord


class Library:
    """All records of a server, by their names in URLs.

    Records given by their paths are opened at once, those in folders on their first use.

    Parameters
    ----------
    paths
        Paths or URLs of the records, and folders of records.
    model
        Their network or its spec; None for the network that each record names, if that is safe to load.
    own_models
        Specs of the networks of single records by their names in URLs, which take precedence.
    memory, network, files
        As for `ServedRecord`.
    patience
        Seconds that `close` waits for networks that are being loaded, which cannot be interrupted.

    Raises
    ------
    RecordError
        If a record that is given by its path cannot be opened.
    """

    def __init__(
        self,
        paths: Sequence[str | Record | Path],
        model: str | nn.Module | None = None,
        own_models: Mapping[str, str] = MappingProxyType({}),
        *,
        memory: int = MEMORY,
        network: Callable[..., RecordNetwork] = RecordNetwork,
        files: Callable[[str], FileWatch] = FileWatch,
        patience: float = 2.0,
    ) -> None:
        self._patience, self._files = patience, files
        self._catalog = Catalog(paths)
        self._lock = Lock()

        def serve(path: str, name: str) -> ServedRecord:
            own = own_models.get(name, model)
            return ServedRecord(path, name, own, memory=memory, network=network, files=files)

        self._serve = serve
        self._records = {name: serve(path, name) for name, path in self._catalog.records.items()}
        self._in_folders: dict[str, FolderRecord] = {}
        for record in self._records.values():
            record.current()
        self._search()

    def __iter__(self) -> Iterator[ServedRecord]:
        """Records that could be opened."""
        found = (record.served for record in list(self._in_folders.values()))
        return iter([*self._records.values(), *filter(None, found)])

    def __getitem__(self, name: str) -> ServedRecord:
        """Record of a name.

        Raises
        ------
        NotFound
            If there is none.
        NotAvailable
            If its run is unfinished.
        RecordGone
            If it is damaged, or was removed before it was opened.
        """
        if name in self._records:
            return self._records[name]
        if name not in self._in_folders or self._in_folders[name].served is None:
            self._search()
        if name in self._in_folders:
            return self._in_folders[name].require()
        raise NotFound(
            f"given record {name!r}",
            allowed=", ".join((*self._records, *sorted(self._in_folders)))
            or "none, because there are no records yet",
            fix="choose one of these records",
        )

    def listings(self) -> list[record_models.RecordListing]:
        """The current list of all records, including those that cannot be opened."""
        self._search()
        given = [record.listing() for record in self._records.values()]
        return given + [self._in_folders[name].listing() for name in sorted(self._in_folders)]

    def close(self) -> bool:
        """Stop background threads; returns False if some still run after `patience`."""
        for record in self:
            record.abandon()
        deadline = time.monotonic() + self._patience
        return all(record.join(deadline - time.monotonic()) for record in self)

    def _search(self) -> None:
        """Update the records to what is in the folders now."""
        if not self._catalog.folders:
            return
        with self._lock:
            found = self._catalog.find()
            for name, record in self._in_folders.items():
                record.follow(found.get(name))
            for name in found.keys() - self._in_folders.keys():
                self._in_folders[name] = FolderRecord(found[name], name, self._serve, self._files)
