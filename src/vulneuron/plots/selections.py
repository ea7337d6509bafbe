"""The pairs and classes that a figure shows, from the words of its user."""

from collections.abc import Mapping, Sequence

import numpy as np

from vulneuron.analysis import Analysis, select_pairs
from vulneuron.analysis.data import Ints
from vulneuron.analysis.selection import checked_numbers
from vulneuron.errors import MeasureError, did_you_mean
from vulneuron.plots.colors import FAINT, class_colors

#: "all", a cell "cat:dog", a row "cat:", a column ":dog", a list "0-5,9"; or numbers.
Pairs = str | Sequence[int]


def chosen_pairs(analysis: Analysis, pairs: Pairs) -> Ints:
    """Numbers of pairs; a list keeps its order.

    Raises
    ------
    MeasureError
        If there is no such pair, class or cell.
    """
    if isinstance(pairs, str):
        return select_pairs(analysis.record, pairs)
    return checked_numbers(pairs, "pair", analysis.data.count)


def used_classes(analysis: Analysis) -> list[str]:
    """Classes that occur as a label, in the order of the network's outputs."""
    data = analysis.data
    used = np.union1d(data.benign_label, data.adversarial_label)
    return [analysis.record.class_names[label] for label in used]


def colors_of(analysis: Analysis, classes: Sequence[str] | None) -> Mapping[str, str]:
    """Colors of the classes that occur; given some classes, those have the first colors, and others are gray.

    Raises
    ------
    MeasureError
        If a class does not occur.
    """
    used = used_classes(analysis)
    return {**dict.fromkeys(used, FAINT), **class_colors(checked_classes(analysis, classes, "classes"))}


def checked_classes(analysis: Analysis, names: Sequence[str] | None, argument: str) -> list[str]:
    """Classes by their names, in the order of the network's outputs; all that occur if there are no names.

    Raises
    ------
    MeasureError
        If a class does not occur.
    """
    used = used_classes(analysis)
    if names is None:
        return used
    names = one_or_more(names)
    for name in names:
        if name not in used:
            raise MeasureError(
                f"given {argument} with {name!r}",
                allowed="classes that occur as a label: " + ", ".join(used[:12]),
                fix=did_you_mean(str(name), used) or "see Analysis.prediction_matrix() for the classes",
            )
    if not names:
        raise MeasureError(f"given no {argument}", allowed="at least one class", fix="use None for all")
    return [name for name in used if name in names]


def one_or_more(texts: str | Sequence[str]) -> Sequence[str]:
    """Texts as a list; a single text counts as one, and not as its letters."""
    return [texts] if isinstance(texts, str) else texts


def in_classes(analysis: Analysis, true_labels: Sequence[str], adversarial_labels: Sequence[str]) -> Ints:
    """Pairs of these true and these adversarial labels, ascending."""
    names = analysis.record.class_names
    rows = np.isin(analysis.data.benign_label, [names.index(name) for name in true_labels])
    columns = np.isin(analysis.data.adversarial_label, [names.index(name) for name in adversarial_labels])
    return np.flatnonzero(rows & columns)
