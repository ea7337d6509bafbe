"""A record in a served folder, which may be unfinished, damaged or removed at first or later."""

from collections.abc import Callable

from vulneuron.errors import RecordError
from vulneuron.record import open_record
from vulneuron.record.discovery import FoundRecord
from vulneuron.record.unfinished import UnfinishedRun, unfinished_run
from vulneuron.server import record_models
from vulneuron.server.file_watch import FileWatch
from vulneuron.server.problems import NotAvailable, RecordGone
from vulneuron.server.served_record import ServedRecord


class FolderRecord:
    """A record in a served folder.

    Parameters
    ----------
    found
        Its path, and that of its replacement.
    name
        Its name in URLs.
    serve
        Makes the `ServedRecord` of its path and name once it can be opened.
    files
        Makes the `FileWatch` of the record.
    """

    def __init__(
        self,
        found: FoundRecord,
        name: str,
        serve: Callable[[str, str], ServedRecord],
        files: Callable[[str], FileWatch] = FileWatch,
    ) -> None:
        self.id, self._serve, self._path = name, serve, found.path
        self._files = files(found.path)
        self._served: ServedRecord | None = None
        self._progress: UnfinishedRun | None = None
        self._problem: RecordError | None = None
        self.follow(found)

    @property
    def served(self) -> ServedRecord | None:
        """The record, once it could be opened."""
        return self._served

    def follow(self, found: FoundRecord | None) -> None:
        """Update the state to what is in the folder now; None if the record was removed."""
        if self._served is None:
            self._open(found)
        self._progress = self._unfinished(found)

    def require(self) -> ServedRecord:
        """The record, if it could be opened.

        Raises
        ------
        NotAvailable
            If its run is unfinished.
        RecordGone
            If it is damaged, or was removed.
        """
        if self._served is not None:
            return self._served
        if self._progress is not None:
            raise NotAvailable(
                f"the run of record {self.id!r} is unfinished: {self._progress}",
                allowed="a finished record",
                fix="wait until it is finished",
            )
        problem = self._problem or self._removed()
        raise RecordGone(problem.given, allowed=problem.allowed, fix=problem.fix)

    def listing(self) -> record_models.RecordListing:
        """Its entry in the list of records."""
        run = self._progress
        progress = (
            None
            if run is None
            else record_models.ProgressModel(done=run.done, total=run.total, text=str(run))
        )
        if self._served is not None:
            return self._served.listing().model_copy(update={"progress": progress})
        problem = None if progress is not None else str(self._problem or self._removed())
        return record_models.RecordListing(id=self.id, available=False, message=problem, progress=progress)

    def _open(self, found: FoundRecord | None) -> None:
        if found is None:
            self._problem = None
            return
        # A damaged record is read again only once its files have changed.
        if self._problem is not None and not self._files.changed():
            return
        self._files.accept()
        try:
            if open_record(self._path).complete:
                self._served = self._serve(self._path, self.id)
            self._problem = None
        except RecordError as error:
            self._problem = error

    def _unfinished(self, found: FoundRecord | None) -> UnfinishedRun | None:
        """Progress of the run that is going to replace the record, or of the record's own run."""
        if found is None:
            return None
        paths = [] if found.replacement is None else [found.replacement]
        if self._served is None or not self._served.listing().available:
            paths.append(found.path)
        return next(filter(None, map(_progress_at, paths)), None)

    def _removed(self) -> RecordError:
        return RecordError(
            f"record {self._path!r} was removed", allowed="a record", fix="restore it, or choose another one"
        )


def _progress_at(path: str) -> UnfinishedRun | None:
    try:
        return None if open_record(path).complete else unfinished_run(path)
    except RecordError:
        return None
