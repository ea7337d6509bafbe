"""Values of pairs, and orders of pairs by these values (paper, Sections 5.1, 6.1.3 and 6.2.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from vulneuron.analysis.results import Ints
from vulneuron.measures.choices import check_choice

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PairOrder:
    """Declaration of an order of pairs.

    Parameters
    ----------
    name
        Name in URLs and in Python.
    label
        Name in menus.
    meaning
        One sentence that explains it.
    value
        Value that pairs are sorted by, one of `PAIR_VALUES`.
    first
        End that comes first.
    """

    name: str
    label: str
    meaning: str
    value: str
    first: Literal["smallest", "largest"]


def _benign_drop(pairs: "pd.DataFrame") -> "pd.Series[float]":
    return pairs["benign_label_p_benign"] - pairs["benign_label_p_adversarial"]


def _adversarial_gain(pairs: "pd.DataFrame") -> "pd.Series[float]":
    return pairs["adversarial_label_p_adversarial"] - pairs["adversarial_label_p_benign"]


#: Values of each pair by name, computed from `vulneuron.Record.pairs`.
PAIR_VALUES: Mapping[str, Callable[["pd.DataFrame"], "pd.Series[float]"]] = {
    "perturbation_l2": lambda pairs: pairs["perturbation_l2"],
    "perturbation_linf": lambda pairs: pairs["perturbation_linf"],
    "benign_probability": lambda pairs: pairs["benign_label_p_benign"],
    "adversarial_probability": lambda pairs: pairs["adversarial_label_p_adversarial"],
    "benign_drop": _benign_drop,
    "adversarial_gain": _adversarial_gain,
    "probability_change": lambda pairs: _benign_drop(pairs) + _adversarial_gain(pairs),
    "survives_8bit": lambda pairs: pairs["survives_8bit"],
    "image_index": lambda pairs: pairs["image_index"],
}

#: All orders, the default first.
PAIR_ORDERS = (
    PairOrder(
        "l2_up",
        "smallest perturbation first",
        "By the L2 distance between both images, the smallest first.",
        "perturbation_l2",
        "smallest",
    ),
    PairOrder(
        "l2_down",
        "largest perturbation first",
        "By the L2 distance between both images, the largest first.",
        "perturbation_l2",
        "largest",
    ),
    PairOrder(
        "change_down",
        "largest change of probability first",
        "By the drop of the benign label's probability plus the gain of the adversarial label's.",
        "probability_change",
        "largest",
    ),
    PairOrder(
        "benign_drop_down",
        "largest drop of p(benign) first",
        "By how much the probability of the benign label falls.",
        "benign_drop",
        "largest",
    ),
    PairOrder(
        "adversarial_gain_down",
        "largest gain of p(adversarial) first",
        "By how much the probability of the adversarial label rises.",
        "adversarial_gain",
        "largest",
    ),
    PairOrder(
        "benign_down",
        "surest benign label first",
        "By the probability of the benign label on the benign image, the largest first.",
        "benign_probability",
        "largest",
    ),
    PairOrder(
        "adversarial_up",
        "least sure adversarial label first",
        "By the probability of the adversarial label on the adversarial image, the smallest first.",
        "adversarial_probability",
        "smallest",
    ),
)


def ordered_pairs(pairs: "pd.DataFrame", order: str) -> Ints:
    """Numbers of the pairs in an order; ties keep the order of the rows.

    Parameters
    ----------
    pairs
        Rows of `vulneuron.Record.pairs`.
    order
        Name of one of `PAIR_ORDERS`.

    Raises
    ------
    MeasureError
        If the order is unknown.
    """
    by_name = {one.name: one for one in PAIR_ORDERS}
    check_choice(order, "order", by_name)
    declared = by_name[order]
    values = PAIR_VALUES[declared.value](pairs).to_numpy(np.float64)
    places = np.argsort(-values if declared.first == "largest" else values, kind="stable")
    return pairs.index.to_numpy(np.int64)[places]
