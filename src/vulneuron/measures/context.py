"""Context pairs: other images that show what a neuron captures (paper, Section 5.3, Figure 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import Choice, check_choice, check_whole

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]

Scope = Literal["same_labels", "same_benign_label", "all", "given"]
#: Pairs to choose from.
SCOPES: Mapping[Scope, Choice] = {
    "same_labels": Choice("same labels", "Pairs with this pair's benign and adversarial label"),
    "same_benign_label": Choice("same benign label", "Pairs with this pair's benign label"),
    "all": Choice("all pairs", "All pairs of the record"),
    "given": Choice("selected pairs", "The selected pairs, with this one if it is selected"),
}


@dataclass(frozen=True, eq=False)
class ContextPairs:
    """The pairs with the largest values, in descending order.

    Attributes
    ----------
    pairs
        ``(m,)``, int64, indices of pairs. Their benign images form the benign window, their adversarial
        images the adversarial window, in the same order.
    values
        ``(m,)``, float64, the values that determine the order.
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
    start: int = 0,
    given: Ints | None = None,
) -> ContextPairs:
    """Top pairs for a neuron, without the focused pair unless it is given.

    The adversarial window shows the same pairs, as in the paper: what happens to the images that the neuron
    captures best, not those that it captures best after the attack.

    Parameters
    ----------
    values
        ``(pair,)``, of the benign images: the neuron's activation, or the probability of the benign label.
    benign_label, adversarial_label
        ``(pair,)``, labels of all pairs.
    pair
        The focused pair, which is excluded.
    scope
        "same_labels": pairs with the focused pair's benign and adversarial label. "same_benign_label": with
        its benign label. "all": all pairs. "given": those of `given`.
    count
        Largest number of pairs.
    start
        Number of pairs at the top that are left out, because they are known already.
    given
        Distinct pairs to choose from.

    Returns
    -------
    ContextPairs
        Ties are in the order of the pairs, or of `given`.

    Raises
    ------
    MeasureError
        If the scope, the pair or the count is invalid.
    """
    check_choice(scope, "scope", SCOPES)
    check_whole(count, "count")
    check_whole(start, "start", least=0)
    if not 0 <= pair < len(values):
        raise MeasureError(
            f"given pair {pair}", allowed=f"0 to {len(values) - 1}", fix="choose a pair of this record"
        )
    if (scope == "given") != (given is not None):
        raise MeasureError(
            f"given scope = {scope!r} {'without' if given is None else 'and'} pairs",
            allowed="pairs together with the scope 'given'",
            fix="pass both, or neither of them",
        )
    candidates = _in_scope(benign_label, adversarial_label, pair, scope) if given is None else given
    top = candidates[np.argsort(-values[candidates], kind="stable")[start : start + count]]
    return ContextPairs(top, values[top].astype(np.float64))


def _in_scope(benign_label: Labels, adversarial_label: Labels, pair: int, scope: Scope) -> Ints:
    """Other pairs of a scope, ascending."""
    eligible = np.ones(len(benign_label), np.bool_)
    if scope != "all":
        eligible &= benign_label == benign_label[pair]
    if scope == "same_labels":
        eligible &= adversarial_label == adversarial_label[pair]
    eligible[pair] = False
    return np.flatnonzero(eligible)
