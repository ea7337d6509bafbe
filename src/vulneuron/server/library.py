"""The records of a server, by name; reopened when they change on disk."""

import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from types import MappingProxyType, TracebackType

from torch import nn

from vulneuron.errors import RecordError, VulneuronError, one_line
from vulneuron.record import Record, open_record
from vulneuron.record.schema import MAPS
from vulneuron.record.store import is_remote
from vulneuron.server import dto
from vulneuron.server.network import RecordNetwork
from vulneuron.server.problems import NotFound, RecordGone
from vulneuron.server.summary import OpenedRecord

#: At most this part of the time goes into looking whether a record is still whole.
_WATCHING = 0.02
_SHORTEST_WAIT = 0.5
_STORAGE = frozenset({"zarr", "numcodecs"})
PathParts = tuple[str, ...]
_JOIN_SECONDS = 10.0
#: How long a server that stops waits for networks that are being loaded, which nothing can interrupt.
_PATIENCE_SECONDS = 2.0


class ServedRecord:
    """One record of the server.

    Parameters
    ----------
    path
        Where it is.
    name
        Its name in URLs.
    model
        Its network, or where the user says that it is; None if the user says nothing.

    Raises
    ------
    RecordError
        If it cannot be opened, or is unfinished.
    """

    def __init__(self, path: str, name: str, model: str | nn.Module | None = None) -> None:
        self.path, self.id, self._model = path, name, model
        self._lock, self._closing = Lock(), Event()
        self._threads: list[Thread] = []
        self._networks: list[RecordNetwork] = []
        self._next_look = 0.0
        self._signature = _signature(path)
        self._opened = self._open()
        self._begin(self._opened)
        self._listing = _listing(self._opened)

    def current(self) -> OpenedRecord:
        """The record as it is now: opened again if its files have changed.

        Raises
        ------
        RecordGone
            If it was removed, or parts of it are missing.
        """
        with self._lock:
            now = time.monotonic()
            if now >= self._next_look:
                signature = _signature(self.path)
                # What is checked seldom where it takes long is checked at once while something is wrong.
                self._next_look = now + max(_SHORTEST_WAIT, (time.monotonic() - now) / _WATCHING)
                if signature != self._signature:
                    self._next_look = 0.0
                    self._opened = self._reopen()
                    self._signature = signature
                    self._begin(self._opened)
            return self._opened

    def listing(self) -> dto.RecordListing:
        """Its line in the list of records; what is known of it while it is gone."""
        try:
            self._listing = _listing(self.current())
        except RecordGone:
            return self._listing.model_copy(update={"available": False})
        return self._listing

    @contextmanager
    def reading(self) -> Iterator[OpenedRecord]:
        """Hand out the record, and turn errors of the storage into one line.

        Raises
        ------
        RecordGone
            If the record, or a part of it that is read inside, is missing or damaged.
        """
        opened = self.current()
        try:
            with _errors_of_storage(self.id):
                yield opened
        except RecordGone:
            # Files are looked at only now and then: that all of it has gone is the clearer reason.
            with self._lock:
                self._next_look = 0.0
            self.current()
            raise

    def join(self, seconds: float = _JOIN_SECONDS) -> bool:
        """Wait for what runs in the background, but not for ever; returns whether it has ended."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        loaded = [network.join(max(0.0, deadline - time.monotonic())) for network in self._networks]
        return all(loaded) and not any(thread.is_alive() for thread in self._threads)

    def abandon(self) -> None:
        """Let what runs in the background end without a word, as nobody needs it any more."""
        self._closing.set()

    def _open(self) -> OpenedRecord:
        record = open_record(self.path)
        _ = record.dataset  # refuses an unfinished record
        return OpenedRecord(record, self.id, self._model, closing=self._closing.is_set)

    def _begin(self, opened: OpenedRecord) -> None:
        """Do in the background what takes seconds."""
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
            ):  # the first request says what is wrong
                opened.warm_up()
        except Exception:
            if not self._closing.is_set():
                raise


class Library:
    """All records of a server, by their names in URLs.

    Parameters
    ----------
    paths
        Where they are.
    model
        Their network, or where it is; None to take what each record names, if that is safe.
    own_models
        Networks of single records, by their names in URLs; these come first.

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
    ) -> None:
        self._records: dict[str, ServedRecord] = {}
        found = [os.fspath(path) for path in paths]
        for path, name in zip(found, record_names(found), strict=True):
            self._records[name] = ServedRecord(path, name, own_models.get(name, model))

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
        """End what runs in the background; returns False if some of it still runs after a moment."""
        for record in self:
            record.abandon()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        return all(record.join(deadline - time.monotonic()) for record in self)


def record_names(paths: Sequence[str]) -> list[str]:
    """One name a path: the last part of it, and as many of those before it as tell it from the other paths.

    ``runs/a/run.zarr`` and ``runs/b/run.zarr`` are ``a-run`` and ``b-run``, in whatever order they are given,
    so that an address that somebody shares goes on to mean the same record. Only paths that read the same as
    parts of a URL get a number behind their name.
    """
    of_paths = [_parts(path) for path in paths]
    shortest = _shortest(set(of_paths))
    names, free = [""] * len(paths), Counter(shortest.values())
    taken: set[str] = set()
    for place in sorted(range(len(paths)), key=lambda place: (of_paths[place], paths[place])):
        name, number = shortest[of_paths[place]], 1
        numbered = name
        while numbered in taken or (number > 1 and numbered in free):
            number += 1
            numbered = f"{name}-{number}"
        taken.add(numbered)
        names[place] = numbered
    return names


def _parts(path: str) -> PathParts:
    """Folders of a path from the root on, each as a part of a URL."""
    # `Path.resolve` would follow links, and so lose the name that the user gave.
    whole = path if is_remote(path) else os.path.abspath(path)  # noqa: PTH100
    parts = re.split(r"[/\\]+", whole.rstrip("/\\").removesuffix(".zarr"))
    slugs = [re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-") for part in parts]
    return (*(slug for slug in slugs[:-1] if slug), slugs[-1] or "record")


def _shortest(paths: set[PathParts]) -> dict[PathParts, str]:
    """Shortest ends of the paths that differ from each other, if there are such."""
    lengths = dict.fromkeys(paths, 1)
    while True:
        names = {path: "-".join(path[-length:]) for path, length in lengths.items()}
        many = Counter(names.values())
        longer = [path for path in paths if many[names[path]] > 1 and lengths[path] < len(path)]
        if not longer:
            return names
        for path in longer:
            lengths[path] += 1


def _listing(opened: OpenedRecord) -> dto.RecordListing:
    data = opened.at().analysis.data
    return dto.RecordListing(
        id=opened.id,
        name=opened.id,
        available=True,
        pairs=data.count,
        neurons=data.neurons,
        classes=len(opened.record.class_names),
    )


def _signature(path: str) -> tuple[int, ...] | None:
    """What changes when a record is removed, replaced, or loses files; None where that cannot be told."""
    if is_remote(path):
        return None
    root = Path(path)
    try:
        found = (root / "zarr.json").stat()
    except OSError:
        return ()
    files = 0
    for folder, folders, names in os.walk(root):
        # As the walk writes it: a path that was given as `run.zarr/` or `./run.zarr` reads otherwise.
        # Maps are written while a record is served, by this server or another.
        if folder == str(root) and MAPS in folders:
            folders.remove(MAPS)
        files += len(names)
    return found.st_ino, found.st_mtime_ns, found.st_size, files


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
    """Whether an error comes out of the library that reads records."""
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] in _STORAGE:
            return True
        traceback = traceback.tb_next
    return False
