"""Progress of a run: a bar with ETA in terminals and notebooks, nothing when piped."""

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
    """One bar a stage. Use it as a context manager.

    Parameters
    ----------
    show
        Whether to show bars where there is a terminal or a notebook to show them in.
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
        """Start to draw."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to draw, leaving the bars as they are."""
        self._bars.stop()

    def begin(self, description: str, total: int, done: int = 0) -> None:
        """Begin a stage of `total` steps, some of which a resumed run has already done."""
        self._stage = self._bars.add_task(description, total=total, completed=done)

    def advance(self, steps: int) -> None:
        """Say that more steps of the stage are done."""
        if self._stage is not None:
            self._bars.advance(self._stage, steps)
