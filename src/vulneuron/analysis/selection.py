"""Pairs as a user names them: ``all``, ``0-5,9``, ``cat:dog``."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError, did_you_mean
from vulneuron.record import Record

Ints = npt.NDArray[np.int64]
_RANGE = re.compile(r"([0-9]{1,12})(?:\s*-\s*([0-9]{1,12}))?")


def select_pairs(record: Record, text: str) -> Ints:
    """Pairs that a text names, ascending.

    Parameters
    ----------
    record
        A finished record.
    text
        ``all``; or numbers of pairs and ranges, ``0-5,9``; or a cell of the prediction matrix, ``cat:dog``:
        the pairs of that benign and that adversarial label. ``cat:`` is a whole row and ``:dog`` a whole
        column.

    Raises
    ------
    MeasureError
        If there is no such pair, class or cell.
    """
    pairs = len(record.pairs)
    if text == "all":
        return np.arange(pairs)
    if ":" in text:
        return named_cell(record, text)
    parts = [_RANGE.fullmatch(part.strip()) for part in text.split(",")]
    if not all(parts):
        raise MeasureError(
            f"given pairs {text!r}",
            allowed="all, numbers and ranges such as 0-5,17, or a cell such as cat:dog",
            fix="see record.pairs or `vulneuron info` for what there is",
        )
    ends = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    # The first and the last number are checked before a range is as long as it says.
    checked_pairs(record, [number for both in ends for number in both])
    return checked_pairs(record, np.concatenate([np.arange(first, last + 1) for first, last in ends]))


def named_cell(record: Record, text: str) -> Ints:
    """Pairs of a cell such as ``cat:dog``, a row such as ``cat:``, or a column such as ``:dog``.

    Raises
    ------
    MeasureError
        If the text names something else, or there is no such class or no pair in the cell.
    """
    benign, adversarial = cell_labels(record, text)
    return cell_pairs(record, benign or None, adversarial or None)


def cell_labels(record: Record, text: str) -> tuple[str, str]:
    """Benign and adversarial label of a cell such as ``cat:dog``; one is empty for a row or column.

    Raises
    ------
    MeasureError
        If the text names something else. The classes may be unknown.
    """
    benign, colon, adversarial = _cell_labels(unicodedata.normalize("NFC", text), record.class_names)
    if not colon or not (benign or adversarial):
        raise MeasureError(
            f"given the cell {text!r}",
            allowed="a benign and an adversarial label, cat:dog; a row, cat:; or a column, :dog",
            fix="see `vulneuron info` for the classes",
        )
    return benign, adversarial


def _cell_labels(text: str, class_names: Sequence[str]) -> tuple[str, str, str]:
    """The label before the colon, the colon, and the label after it; names may contain colons, too."""
    labels = {"", *class_names}
    splits = [(text[:place].strip(), ":", text[place + 1 :].strip()) for place in _colons(text)]
    named = (split for split in splits if split[0] in labels and split[2] in labels)
    benign, colon, adversarial = (part.strip() for part in text.partition(":"))
    return next(named, (benign, colon, adversarial))


def _colons(text: str) -> list[int]:
    return [place for place, letter in enumerate(text) if letter == ":"]


def checked_pairs(record: Record, pairs: Sequence[int] | Ints) -> Ints:
    """Unique pairs, ascending, each of which the record has.

    Raises
    ------
    MeasureError
        If there is none, or one that the record does not have.
    """
    return np.unique(checked_numbers(pairs, "pair", len(record.pairs)))


def checked_neurons(neurons: int | Sequence[int] | Ints, count: int) -> Ints:
    """One neuron or several, in the order given, each of which the network has.

    Raises
    ------
    MeasureError
        If there is none, or one that the network does not have.
    """
    return checked_numbers(neurons, "neuron", count)


def checked_numbers(numbers: int | Sequence[int] | Ints, name: str, count: int) -> Ints:
    """Numbers of pairs or neurons as an array, in the order given, each below `count`.

    Raises
    ------
    MeasureError
        If there is none, or one that is not an integer from 0 to ``count - 1``.
    """
    array = np.atleast_1d(np.asarray(numbers))
    # A mask of booleans is rejected, because it would be read as the numbers 0 and 1.
    integers = np.issubdtype(array.dtype, np.integer)
    bad = array[(array < 0) | (array >= count)] if integers else array
    if len(bad) or not len(array):
        raise MeasureError(
            f"given {name} {bad[0]}" if len(bad) else f"given no {name}",
            allowed=f"0 to {count - 1}",
            fix=f"choose numbers of {name}s of this record",
        )
    return array.astype(np.int64)


def cell_pairs(record: Record, benign: str | None, adversarial: str | None) -> Ints:
    """Pairs of a cell of the prediction matrix, a row (no adversarial label), or a column (no benign label).

    Raises
    ------
    MeasureError
        If a class is unknown, or the cell is empty.
    """
    in_cell = np.ones(len(record.pairs), dtype=bool)
    for column, name in (("benign_label", benign), ("adversarial_label", adversarial)):
        if name is None:
            continue
        if name not in record.class_names:
            names = record.class_names
            raise MeasureError(
                f"given class {name!r}",
                allowed=", ".join(names[:12]) + (f", and {len(names) - 12} more" if len(names) > 12 else ""),
                fix=did_you_mean(str(name), names) or "check the spelling",
            )
        in_cell &= (record.pairs[column] == name).to_numpy()
    if not in_cell.any():
        raise MeasureError(
            f"given the cell {benign or ''}:{adversarial or ''}, which has no pair",
            allowed="a cell of the prediction matrix with pairs",
            fix="see Analysis.prediction_matrix() for their counts",
        )
    return np.flatnonzero(in_cell)
