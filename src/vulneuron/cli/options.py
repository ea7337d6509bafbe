"""What the commands share: readers of option values, and what Ctrl-C says."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vulneuron.errors import ModelError

LAYER_HELP = "Target layer whose neurons are meant. [default: the last one of the record]"


def comma_separated(text: str | None) -> list[str] | None:
    """Parts of ``a,b,c`` without blanks around them; None for None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


@contextmanager
def resumable() -> Iterator[None]:
    """Say on Ctrl-C that nothing is lost; exit status 130."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run the same command again: it goes on where it stopped.\n")
        raise typer.Exit(130) from None


def numbers(text: str | None, option: str) -> list[float] | None:
    """Numbers of ``0.5,0.5,0.5``; None for None."""
    parts = comma_separated(text)
    try:
        return None if parts is None else [float(part) for part in parts]
    except ValueError:
        raise ModelError(
            f"{option} is {text!r}",
            allowed="comma-separated numbers, one a channel",
            fix=f"write for example {option} 0.485,0.456,0.406",
        ) from None
