"""Shared by commands: parsers of option values, and the message for Ctrl-C."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vulneuron.errors import ModelError

PAIRS_HELP = "`all`, numbers and ranges such as `1,2,9-12`, or a cell such as `cat:dog`."
LAYER_HELP = "Target layer of the neurons. [default: the record's last one]"


def comma_separated(text: str | None) -> list[str] | None:
    """Parts of ``a,b,c`` without surrounding spaces; None if the text is None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


@contextmanager
def resumable() -> Iterator[None]:
    """On Ctrl-C, print how to resume, and exit with status 130."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run the same command again to resume.\n")
        raise typer.Exit(130) from None


def numbers(text: str | None, option: str) -> list[float] | None:
    """Parse numbers such as ``0.5,0.5,0.5``; None if the text is None."""
    parts = comma_separated(text)
    try:
        return None if parts is None else [float(part) for part in parts]
    except ValueError:
        raise ModelError(
            f"{option} is {text!r}",
            allowed="comma-separated numbers, one per channel",
            fix=f"pass for example {option} 0.485,0.456,0.406",
        ) from None
