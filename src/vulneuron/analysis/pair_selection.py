"""Pairs as a user names them: ``all``, ``1,2``, ``cat:dog``."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError, did_you_mean
from vulneuron.record import Record

Ints = npt.NDArray[np.int64]


def select_pairs(record: Record, text: str) -> Ints:
    """Pairs that a text names, ascending.

    Parameters
    ----------
    record
        A finished record.
    text
        ``all``; or numbers of pairs, ``1,2``; or a cell of the prediction matrix, ``cat:dog``: the pairs of
        that benign and that adversarial label. ``cat:`` is a whole row and ``:dog`` a whole column.

    Raises
    ------
    MeasureError
        If there is no such pair, class or cell.
    """
    pairs = len(record.pairs)
    if text == "all":
        return np.arange(pairs)
    if ":" in text:
        benign, _, adversarial = text.partition(":")
        return cell_pairs(record, benign or None, adversarial or None)
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise MeasureError(
            f"given pairs {text!r}",
            allowed="all, numbers such as 0,5,17, or a cell such as cat:dog",
            fix="see record.pairs or `vulneuron info` for what there is",
        )
    return checked_pairs(record, [int(part) for part in parts])


def checked_pairs(record: Record, pairs: Sequence[int] | Ints) -> Ints:
    """Unique pairs, ascending, each of which the record has.

    Raises
    ------
    MeasureError
        If there is none, or one that the record does not have.
    """
    numbers = np.unique(np.asarray(pairs, dtype=np.int64))
    outside = numbers[(numbers < 0) | (numbers >= len(record.pairs))]
    if len(outside) or not len(numbers):
        raise MeasureError(
            f"given pair {outside[0]}" if len(outside) else "given no pair",
            allowed=f"0 to {len(record.pairs) - 1}",
            fix="choose a number from record.pairs",
        )
    return numbers


def cell_pairs(record: Record, benign: str | None, adversarial: str | None) -> Ints:
    """Pairs of a cell of the prediction matrix, of a row if there is no adversarial label, or of a column.

    Raises
    ------
    MeasureError
        If a class is unknown, or no pair is there.
    """
    chosen = np.ones(len(record.pairs), dtype=bool)
    for column, name in (("benign_label", benign), ("adversarial_label", adversarial)):
        if name is None:
            continue
        if name not in record.class_names:
            known = record.class_names
            raise MeasureError(
                f"given class {name!r}",
                allowed=", ".join(known[:12]) + (f", and {len(known) - 12} more" if len(known) > 12 else ""),
                fix=did_you_mean(name, known) or "check the spelling",
            )
        chosen &= (record.pairs[column] == name).to_numpy()
    if not chosen.any():
        raise MeasureError(
            f"given the cell {benign or ''}:{adversarial or ''}, which has no pair",
            allowed="a cell of the prediction matrix with pairs",
            fix="see Analysis.prediction_matrix() for their counts",
        )
    return np.flatnonzero(chosen)
