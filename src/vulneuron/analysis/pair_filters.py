"""Filters of pairs by their values, and by a text."""

import math
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.pair_orders import PAIR_VALUES
from vulneuron.analysis.results import Ints
from vulneuron.errors import MeasureError, did_you_mean
from vulneuron.measures.choices import as_number

if TYPE_CHECKING:
    import pandas as pd

Bools = npt.NDArray[np.bool_]
#: Smallest and largest value, both included; None for no limit.
Range = tuple[float | None, float | None]


@dataclass(frozen=True)
class PairFilter:
    """Declaration of a value that pairs can be filtered by.

    Parameters
    ----------
    name
        Name in URLs and in Python: the value, one of `vulneuron.analysis.PAIR_VALUES`.
    label
        Name in forms.
    meaning
        One sentence that explains it.
    kind
        "range" of numbers, or "flag" for a value that is true or false.
    display
        Format of the values: "number", or "share" from 0 to 1.
    """

    name: str
    label: str
    meaning: str
    kind: Literal["range", "flag"] = "range"
    display: Literal["number", "share"] = "number"


#: All filters by a value.
PAIR_FILTERS = (
    PairFilter(
        "benign_probability",
        "p(benign)",
        "Probability of the benign label on the benign image.",
        display="share",
    ),
    PairFilter(
        "adversarial_probability",
        "p(adversarial)",
        "Probability of the adversarial label on the adversarial image.",
        display="share",
    ),
    PairFilter("perturbation_l2", "L2", "L2 distance between both images."),
    PairFilter("perturbation_linf", "Linf", "Largest difference between both images in a pixel's channel."),
    PairFilter(
        "probability_change",
        "change of probability",
        "Drop of the benign label's probability plus gain of the adversarial label's.",
    ),
    PairFilter(
        "survives_8bit",
        "survives 8 bits",
        "Whether the attack still succeeds after rounding the adversarial image to 8 bits.",
        kind="flag",
    ),
)


def distinguishing_filters(pairs: "pd.DataFrame") -> list[PairFilter]:
    """Filters that do not have the same value for all pairs.

    Parameters
    ----------
    pairs
        `vulneuron.Record.pairs`.
    """
    return [one for one in PAIR_FILTERS if PAIR_VALUES[one.name](pairs).nunique() > 1]


def filtered_pairs(
    pairs: "pd.DataFrame", text: str, values: Mapping[str, Range | Sequence[float | None] | bool | None]
) -> Ints:
    """Numbers of the pairs that pass all filters; see `Analysis.filter_pairs`.

    Parameters
    ----------
    pairs
        Rows of `vulneuron.Record.pairs`.
    text, values
        As for `Analysis.filter_pairs`.

    Raises
    ------
    MeasureError
        If there is no such filter, or its value is invalid.
    """
    declared = {one.name: one for one in PAIR_FILTERS}
    if not isinstance(text, str):
        raise MeasureError(f"given text = {text!r}", allowed="words", fix="use quotation marks")
    passes = _contains(pairs, text)
    for name, wanted in values.items():
        if name not in declared:
            raise MeasureError(
                f"given the filter {name!r}",
                allowed=", ".join([*declared, "text"]),
                fix=did_you_mean(name, declared) or "choose one of these filters",
            )
        if wanted is None:
            continue
        # Compared as float64, because the limits would be rounded to the type of the values.
        given = PAIR_VALUES[name](pairs).to_numpy(np.float64)
        if declared[name].kind == "flag":
            passes &= given == _checked_flag(name, wanted)
        else:
            low, high = _checked_range(name, wanted)
            passes &= (given >= low) & (given <= high)
    return pairs.index.to_numpy(np.int64)[passes]


def _contains(pairs: "pd.DataFrame", text: str) -> Bools:
    """Whether each word of a text is the pair's number, or part of a label or of the image's name."""
    passes = np.ones(len(pairs), dtype=bool)
    words = _folded(text).split()
    if not words:
        return passes
    columns = [pairs[name].astype(str) for name in ("benign_label", "adversarial_label", "image_id")]
    rows = [[_folded(one) for one in row] for row in zip(*columns, strict=True)]
    numbers = [str(number) for number in pairs.index]
    for word in words:
        found = [
            word == number or any(word in one for one in row)
            for number, row in zip(numbers, rows, strict=True)
        ]
        passes &= np.array(found, dtype=bool)
    return passes


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _checked_flag(name: str, value: object) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise MeasureError(f"given {name} = {value!r}", allowed="True or False", fix="use one of them")


def _checked_range(name: str, value: object) -> tuple[float, float]:
    """The ends of a range; infinite where there is no limit."""
    ends = list(value) if isinstance(value, Collection) and not isinstance(value, str) else []
    numbers = [
        end if given is None else as_number(given)
        for given, end in zip(ends, (-math.inf, math.inf), strict=False)
    ]
    if len(ends) == 2 and numbers[0] is not None and numbers[1] is not None and numbers[0] <= numbers[1]:
        return numbers[0], numbers[1]
    raise MeasureError(
        f"given {name} = {value!r}",
        allowed="a smallest and a largest value, such as (0.5, 0.9); None for no limit",
        fix=f"use for example {name}=(None, 0.9)",
    )
