"""A record of the server: opened when it is needed, and again when it changes on disk."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Event, Lock, Thread
from types import TracebackType

from torch import nn

from vulneuron.analysis import Analysis
from vulneuron.engines import Watch
from vulneuron.errors import RecordError, VulneuronError, one_line
from vulneuron.network.batch_size import MEMORY
from vulneuron.record import Record, open_record
from vulneuron.server import record_models
from vulneuron.server.file_watch import FileWatch
from vulneuron.server.network import RecordNetwork
from vulneuron.server.problems import RecordGone
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
        self._readers, self._idle = 0, Condition()
        self._threads: list[Thread] = []
        self._networks: list[RecordNetwork] = []
        self._files = files(path)
        self._record = _with_pairs(path)
        self._opened: OpenedRecord | None = None
        self._listing = _listing(self._record, name)

    def current(self) -> OpenedRecord:
        """The current record, opened for requests. Its network is loaded in the background.

        Raises
        ------
        RecordGone
            If it was removed, or parts of it are missing.
        """
        with self._lock:
            self._follow_files()
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def listing(self) -> record_models.RecordListing:
        """Its entry in the list of records; if it is gone, with its last numbers and the reason."""
        with self._lock:
            try:
                self._follow_files()
            except RecordGone as gone:
                return self._listing.model_copy(update={"available": False, "message": str(gone)})
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
            with self._counted(), _errors_of_storage(self.id):
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
        with self._idle:
            self._idle.notify_all()

    def _follow_files(self) -> None:
        """Read the record again if its files have changed."""
        if not self._files.changed():
            return
        try:
            self._record = _with_pairs(self.path)
        except RecordError as error:
            raise RecordGone(error.given, allowed=error.allowed, fix=error.fix) from error
        self._files.accept()
        self._opened = None
        self._listing = _listing(self._record, self.id)

    def _open(self) -> OpenedRecord:
        """Open the record, and start slow preparations in the background."""

        def network(analysis: Analysis) -> RecordNetwork:
            return self._network(analysis, self.id, self._model, closing=self._closing.is_set)

        opened = OpenedRecord(self._record, self.id, network, memory=self._memory)
        opened.network.demand()
        self._networks = [*(network for network in self._networks if not network.join(0.0)), opened.network]
        warming = Thread(target=self._prepare, args=(opened,), name=f"warm up {self.id}", daemon=True)
        self._threads = [*(thread for thread in self._threads if thread.is_alive()), warming]
        warming.start()
        return opened

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count requests that are being answered."""
        with self._idle:
            self._readers += 1
        try:
            yield
        finally:
            with self._idle:
                self._readers -= 1
                self._idle.notify_all()

    def _closed_once_idle(self) -> bool:
        """Wait until no request is being answered; whether the server is closing."""
        with self._idle:
            self._idle.wait_for(lambda: self._readers == 0 or self._closing.is_set())
        return self._closing.is_set()

    def _prepare(self, opened: OpenedRecord) -> None:
        try:
            # The first request reports the error.
            with suppress(VulneuronError), _errors_of_storage(self.id):
                opened.warm_up()
                opened.prepare_means(Watch(cancelled=self._closed_once_idle))
        except Exception:
            if not self._closing.is_set():
                raise


def _with_pairs(path: str) -> Record:
    record = open_record(path)
    record.require_pairs()
    return record


def _listing(record: Record, name: str) -> record_models.RecordListing:
    return record_models.RecordListing(
        id=name,
        available=True,
        pairs=record.attributes["counts"]["pairs"],
        neurons=record.layer().attributes["neurons"],
        classes=len(record.class_names),
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
