"""Progress of a run: bars with ETA in terminals and notebooks, no output when piped."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class RunProgress:
    """Progress bars, one per stage; a context manager.

    Parameters
    ----------
    show
        Whether to show bars in a terminal or a notebook.
    """

    def __init__(self, *, show: bool = True) -> None:
        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console,
            disable=not (show and (console.is_terminal or console.is_jupyter)),
        )
        self._stage: TaskID | None = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing; the bars stay visible."""
        self._bars.stop()

    def begin(self, description: str, total: int, done: int = 0) -> None:
        """Begin a stage of `total` steps, of which `done` were completed before the run was resumed."""
        self._stage = self._bars.add_task(description, total=total, completed=done)

    def advance(self, steps: int) -> None:
        """Report completed steps of the stage."""
        if self._stage is not None:
            self._bars.advance(self._stage, steps)
