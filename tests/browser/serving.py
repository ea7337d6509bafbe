"""A server for browser tests: several records, each with its network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any

from browser.records import ExampleRecord
from served import listening
from vulneuron.maps.stages import MapStage
from vulneuron.server.app import create_app
from vulneuron.server.library import Library
from vulneuron.server.maps_job import MapsProgress
from vulneuron.server.static import BUILT

#: A job that is held longer than this fails.
_HOLD_SECONDS = 60.0


class StageBrake:
    """Holds jobs after each stage that they report, while it is applied."""

    def __init__(self) -> None:
        self._applied = False
        self._permits = Semaphore(0)

    def apply(self) -> None:
        """Hold jobs from now on."""
        self._applied, self._permits = True, Semaphore(0)

    def step(self) -> None:
        """Let the job continue to its next stage."""
        self._permits.release()

    def release(self) -> None:
        """Let jobs continue to their ends."""
        self._applied = False
        self._permits.release()

    def hold(self) -> None:
        """Wait for permission to continue."""
        if self._applied:
            assert self._permits.acquire(timeout=_HOLD_SECONDS)


class BrakedProgress(MapsProgress):
    """Progress of a job that a brake holds."""

    def __init__(self, *arguments: Any, brake: StageBrake) -> None:
        super().__init__(*arguments)
        self._brake = brake

    def stage(self, stage: MapStage) -> None:
        reported = self.stages
        super().stage(stage)
        if self.stages > reported:
            self._brake.hold()


@contextmanager
def serving(
    records: Sequence[ExampleRecord], port: int = 0, pages: Path = BUILT, brake: StageBrake | None = None
) -> Iterator[str]:
    """Serve records with their networks; gives the server's address, with a slash at its end."""
    # On its own, the server loads no network of a user's file that a record names.
    models = {record.name: record.model for record in records}
    library = Library([record.path for record in records], own_models=models)
    for served in library:
        served.join()
    progress = MapsProgress if brake is None else partial(BrakedProgress, brake=brake)
    with listening(create_app(library, maps_progress=progress, pages=pages), port) as address:
        yield f"{address}/"
