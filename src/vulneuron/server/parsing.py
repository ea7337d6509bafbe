"""Lists of pairs and neurons as text: ``0-5,9``."""

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from vulneuron.server.problems import NotFound, Problem

Ints = npt.NDArray[np.int64]
_LIST = re.compile(r"\s*\d{1,12}\s*(-\s*\d{1,12}\s*)?(,\s*\d{1,12}\s*(-\s*\d{1,12}\s*)?)*", re.ASCII)
_LONGEST = 40


def parse_numbers(text: str, *, name: str, count: int, most: int | None = None) -> Ints:
    """Parse a list of numbers, in its order; ``0-5,9`` is 0, 1, 2, 3, 4, 5, 9.

    Parameters
    ----------
    text
        Numbers and ascending ranges, separated by commas.
    name
        "pair" or "neuron", for messages.
    count
        Number of pairs or neurons of the record: numbers are from 0 to ``count - 1``.
    most
        Largest length of the list; ``2 * count`` if None.

    Raises
    ------
    Problem
        If the text is not such a list, or the list is too long.
    NotFound
        If there is no such pair or neuron.
    """
    if not _LIST.fullmatch(text):
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        raise Problem(
            f"given {name}s {shown!r}", allowed="numbers and ranges such as 0-5,9", fix="use that format"
        )
    parts = [part.split("-") for part in text.split(",")]
    ends = np.array([[int(part[0]), int(part[-1])] for part in parts])
    if (ends[:, 1] < ends[:, 0]).any():
        raise Problem(f"given {name}s {text[:_LONGEST]!r}", allowed="ascending ranges", fix="swap the ends")
    if ends.max() >= count:
        raise unknown(name, int(ends.max()), count)
    length = int((ends[:, 1] - ends[:, 0] + 1).sum())
    most = 2 * count if most is None else most
    if length > most:
        raise Problem(f"given {length} {name}s", allowed=f"at most {most}", fix="request fewer at once")
    return np.concatenate([np.arange(first, last + 1, dtype=np.int64) for first, last in ends])


def format_numbers(numbers: Iterable[int]) -> str:
    """Format numbers for `parse_numbers`: unique and ascending, consecutive ones as ranges."""
    ascending = np.unique(np.fromiter(numbers, np.int64))
    runs = np.split(ascending, np.flatnonzero(np.diff(ascending) != 1) + 1)
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs if len(run))


def unknown(name: str, number: int, count: int) -> NotFound:
    """The error for a pair or neuron that the record does not have."""
    return NotFound(
        f"given {name} {number}", allowed=f"0 to {count - 1}", fix=f"choose a {name} of this record"
    )
