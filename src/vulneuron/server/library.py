"""The records of a server, by name; reopened when they change on disk."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from types import MappingProxyType, TracebackType

from torch import nn

from vulneuron.analysis import Analysis
from vulneuron.errors import RecordError, VulneuronError, one_line
from vulneuron.network.batch_size import MEMORY
from vulneuron.record import Record, open_record
from vulneuron.server import dto
from vulneuron.server.file_watch import FileWatch
from vulneuron.server.network import RecordNetwork
from vulneuron.server.problems import NotFound, RecordGone
from vulneuron.server.record_names import record_names
from vulneuron.server.summary import OpenedRecord

_STORAGE = frozenset({"zarr", "numcodecs"})
_JOIN_SECONDS = 10.0


class ServedRecord:
    """One record of the server.

    Parameters
    ----------
    path
        Path or URL of the record.
    name
        Its name in URLs.
    model
        Its network, or the spec that the user has given; None if there is none.
    memory
        As for `Analysis`.
    network
        Makes the `RecordNetwork` of the opened record.
    files
        Makes the `FileWatch` of the record.

    Raises
    ------
    RecordError
        If it cannot be opened, is unfinished, or has no pairs.
    """

    def __init__(
        self,
        path: str,
        name: str,
        model: str | nn.Module | None = None,
        *,
        memory: int = MEMORY,
        network: Callable[..., RecordNetwork] = RecordNetwork,
        files: Callable[[str], FileWatch] = FileWatch,
    ) -> None:
        self.path, self.id, self._model, self._memory = path, name, model, memory
        self._network = network
        self._lock, self._closing = Lock(), Event()
        self._threads: list[Thread] = []
        self._networks: list[RecordNetwork] = []
        self._files = files(path)
        self._opened = self._open()
        self._begin(self._opened)
        self._listing = _listing(self._opened)

    def current(self) -> OpenedRecord:
        """The current record, which is reopened if its files have changed.

        Raises
        ------
        RecordGone
            If it was removed, or parts of it are missing.
        """
        with self._lock:
            if self._files.changed():
                self._opened = self._reopen()
                self._files.accept()
                self._begin(self._opened)
            return self._opened

    def listing(self) -> dto.RecordListing:
        """Its entry in the list of records; the last one read if the record is gone."""
        try:
            self._listing = _listing(self.current())
        except RecordGone:
            return self._listing.model_copy(update={"available": False})
        return self._listing

    @contextmanager
    def reading(self) -> Iterator[OpenedRecord]:
        """Open the record for reading, and turn storage errors into one line.

        Raises
        ------
        RecordGone
            If the record, or a part of it that is read, is missing or damaged.
        """
        opened = self.current()
        try:
            with _errors_of_storage(self.id):
                yield opened
        except RecordGone:
            # Check the files, because an error about the whole record is clearer.
            with self._lock:
                self._files.check_soon()
            self.current()
            raise

    def join(self, seconds: float = _JOIN_SECONDS) -> bool:
        """Wait for background threads; returns whether they have ended in time."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        loaded = [network.join(max(0.0, deadline - time.monotonic())) for network in self._networks]
        return all(loaded) and not any(thread.is_alive() for thread in self._threads)

    def abandon(self) -> None:
        """Let background threads end without logging errors."""
        self._closing.set()

    def _open(self) -> OpenedRecord:
        record = open_record(self.path)
        record.require_pairs()

        def network(analysis: Analysis) -> RecordNetwork:
            return self._network(analysis, self.id, self._model, closing=self._closing.is_set)

        return OpenedRecord(record, self.id, network, memory=self._memory)

    def _begin(self, opened: OpenedRecord) -> None:
        """Start slow preparations in the background."""
        opened.network.demand()
        self._networks = [*(network for network in self._networks if not network.join(0.0)), opened.network]
        warming = Thread(target=self._prepare, args=(opened,), name=f"warm up {self.id}", daemon=True)
        self._threads = [*(thread for thread in self._threads if thread.is_alive()), warming]
        warming.start()

    def _reopen(self) -> OpenedRecord:
        try:
            return self._open()
        except RecordError as error:
            raise RecordGone(error.given, allowed=error.allowed, fix=error.fix) from error

    def _prepare(self, opened: OpenedRecord) -> None:
        try:
            with (
                suppress(VulneuronError),
                _errors_of_storage(self.id),
            ):  # the first request reports the error
                opened.warm_up()
        except Exception:
            if not self._closing.is_set():
                raise


class Library:
    """All records of a server, by their names in URLs.

    Parameters
    ----------
    paths
        Paths or URLs of the records.
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
        If one of them cannot be opened.
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
        self._patience = patience
        self._records: dict[str, ServedRecord] = {}
        texts = [os.fspath(path) for path in paths]
        for path, name in zip(texts, record_names(texts), strict=True):
            own = own_models.get(name, model)
            self._records[name] = ServedRecord(path, name, own, memory=memory, network=network, files=files)

    def __iter__(self) -> Iterator[ServedRecord]:
        return iter(self._records.values())

    def __getitem__(self, name: str) -> ServedRecord:
        """Record of a name.

        Raises
        ------
        NotFound
            If there is none.
        """
        if name not in self._records:
            raise NotFound(
                f"given record {name!r}", allowed=", ".join(self._records), fix="choose one of these records"
            )
        return self._records[name]

    def close(self) -> bool:
        """Stop background threads; returns False if some still run after `patience`."""
        for record in self:
            record.abandon()
        deadline = time.monotonic() + self._patience
        return all(record.join(deadline - time.monotonic()) for record in self)


def _listing(opened: OpenedRecord) -> dto.RecordListing:
    data = opened.at().analysis.data
    return dto.RecordListing(
        id=opened.id,
        available=True,
        pairs=data.count,
        neurons=data.neurons,
        classes=len(opened.record.class_names),
    )


@contextmanager
def _errors_of_storage(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not _from_storage(error.__traceback__):
            raise
        raise RecordGone(
            f"a part of record {name!r} cannot be read ({one_line(error)})",
            allowed="an undamaged record",
            fix="restore it from a copy, or run analyze again with --overwrite",
        ) from error


def _from_storage(traceback: TracebackType | None) -> bool:
    """Whether an error was raised in the libraries that read records."""
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] in _STORAGE:
            return True
        traceback = traceback.tb_next
    return False
