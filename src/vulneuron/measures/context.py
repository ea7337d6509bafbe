"""Context pairs: other images that show what a neuron captures (paper, Section 5.3, Figure 5)."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import check_choice, check_whole

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]

#: Which pairs are candidates.
Scope = Literal["same_labels", "same_benign_label", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, eq=False)
class ContextPairs:
    """The pairs with the largest values, the largest first.

    Attributes
    ----------
    pairs
        ``(m,)``, int64, indices of pairs. Their benign images make up the benign window, their adversarial
        images, in the same order, the adversarial window.
    values
        ``(m,)``, float64, what they are ordered by.
    """

    pairs: Ints
    values: Doubles


def context_pairs(
    values: Floating,
    benign_label: Labels,
    adversarial_label: Labels,
    pair: int,
    *,
    scope: Scope = "same_labels",
    count: int = 6,
) -> ContextPairs:
    """Top pairs for a neuron, beside the focused pair.

    The adversarial window lists the counterparts of the same pairs, as in the paper: it shows what becomes of
    what the neuron captures best, not what it captures best after the attack.

    Parameters
    ----------
    values
        ``(pair,)``, of the benign images: the neuron's activation, or the probability of the benign label.
    benign_label, adversarial_label
        ``(pair,)``, labels of all pairs.
    pair
        The focused pair. It is shown already, so it is not listed again.
    scope
        "same_labels": pairs with the focused pair's benign and adversarial label. "same_benign_label": with
        its benign label. "all": all pairs.
    count
        How many to list at most; there are fewer if the scope has fewer.

    Returns
    -------
    ContextPairs
        Equal values in the order of the pairs.

    Raises
    ------
    MeasureError
        If the scope, the pair or the count is unknown.
    """
    check_choice(scope, "scope", SCOPES)
    check_whole(count, "count")
    if not 0 <= pair < len(values):
        raise MeasureError(
            f"given pair {pair}", allowed=f"0 to {len(values) - 1}", fix="choose a pair of this record"
        )
    inside = np.ones(len(values), np.bool_)
    if scope != "all":
        inside &= benign_label == benign_label[pair]
    if scope == "same_labels":
        inside &= adversarial_label == adversarial_label[pair]
    inside[pair] = False
    candidates = np.flatnonzero(inside)
    chosen = candidates[np.argsort(-values[candidates], kind="stable")[:count]]
    return ContextPairs(chosen, values[chosen].astype(np.float64))
