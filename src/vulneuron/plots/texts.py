"""Numbers and titles in figures, written as on the dashboard's page: a true minus sign, no leading zero."""

import numpy as np

from vulneuron.analysis import Analysis
from vulneuron.analysis.data import Ints
from vulneuron.measures.registry import NeuronMeasure

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
ARROW = "\N{RIGHTWARDS ARROW}"
#: The smallest number that two decimals do not round to zero.
_ROUNDS_TO_ZERO = 0.005
#: Smaller numbers are written as powers of ten, and larger ones without decimals.
_TINY, _LARGE = 1e-3, 999.5


def probability(value: float) -> str:
    """A number from 0 to 1, such as ".86", "1.00" and "<.01"."""
    if np.isnan(value):
        return UNKNOWN
    if 0 < value < _ROUNDS_TO_ZERO:
        return "<.01"
    return f"{value:.2f}".replace("0.", ".", 1).replace("-", MINUS) if abs(value) < 1 else f"{value:.2f}"


def number(value: float) -> str:
    """A number of any size, with three significant digits, or the digits before the decimal point."""
    if np.isnan(value):
        return UNKNOWN
    tiny = value != 0 and abs(value) < _TINY
    text = f"{value:.0e}" if tiny else f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"
    return text.replace("-", MINUS)


def two_decimals(value: float) -> str:
    """A number in a column: two decimals, or a power of ten if they are zeros."""
    if np.isnan(value):
        return UNKNOWN
    tiny = value != 0 and abs(value) < _ROUNDS_TO_ZERO
    return (f"{value:.0e}" if tiny else f"{value:.2f}").replace("-", MINUS)


def of_measure(measure: NeuronMeasure, value: float) -> str:
    """A value of a measure."""
    return probability(value) if measure.display == "share" else two_decimals(value)


def per_cent(part: float) -> str:
    """A part of a whole as a whole percentage."""
    return "<1 %" if 0 < part < _ROUNDS_TO_ZERO else f"{100 * part:.0f} %"


def count_of(number: int, noun: str) -> str:
    """A number with a noun, such as "1 pair" and "8,457 pairs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def change(analysis: Analysis, pair: int) -> str:
    """Labels of a pair, such as "cat → dog"."""
    summary = analysis.pair(pair)
    return f"{summary.benign_label} {ARROW} {summary.adversarial_label}"


def labels_of(analysis: Analysis, pairs: Ints) -> tuple[str | None, str | None]:
    """Benign and adversarial label of some pairs; None for one that differs between them."""
    table = analysis.record.pairs.iloc[pairs]
    only = [table[column].unique() for column in ("benign_label", "adversarial_label")]
    benign, adversarial = (str(names[0]) if len(names) == 1 else None for names in only)
    return benign, adversarial


def selection_title(analysis: Analysis, pairs: Ints) -> str:
    """Some pairs in words, such as "cat → dog: 197 of 8,457 pairs"."""
    every = analysis.data.count
    if len(pairs) == every:
        return f"all {count_of(every, 'pair')}"
    benign, adversarial = labels_of(analysis, pairs)
    part = f"{len(pairs):,} of {count_of(every, 'pair')}"
    if benign is None and adversarial is None:
        return part
    return f"{benign or 'any class'} {ARROW} {adversarial or 'any class'}: {part}"
