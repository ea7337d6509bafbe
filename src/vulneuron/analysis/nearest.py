"""Pairs that are most like a given one."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.contributions import Curves
from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.results import NearestPairs
from vulneuron.measures.choices import Choice, check_choice, check_whole
from vulneuron.measures.contribution import Weights
from vulneuron.measures.sides import SIDES

Doubles = npt.NDArray[np.float64]
Likeness = Literal["benign", "adversarial", "change"]
#: What makes two pairs alike; the legend names it.
LIKENESSES: Mapping[Likeness, Choice] = {
    "benign": Choice("benign image", "The activations on the benign image", ("benign image",)),
    "adversarial": Choice(
        "adversarial image", "The activations on the adversarial image", ("adversarial image",)
    ),
    "change": Choice("effect of the attack", "The changes of the neurons' contributions", ("effect",)),
}
#: Pairs whose values are computed at once: those of many neurons stay in a CPU's cache.
_PAIRS_AT_ONCE = 128


def nearest_pairs(
    data: LayerData, curves: Curves, pair: int, among: Ints, *, by: Likeness, count: int, weights: Weights
) -> NearestPairs:
    """Pairs with the smallest cosine distance to a pair; see `Analysis.nearest_pairs`."""
    check_choice(by, "by", LIKENESSES)
    check_whole(count, "count")

    def vectors(pairs: Ints) -> Doubles:
        if by == "change":
            benign, adversarial = curves.contributions(pairs, weights)
            return adversarial - benign
        return np.asarray(data.activations[pairs, SIDES.index(by)], np.float64)

    (to,) = vectors(np.array([pair]))
    others = among[among != pair]
    blocks = (others[start : start + _PAIRS_AT_ONCE] for start in range(0, len(others), _PAIRS_AT_ONCE))
    distances = np.concatenate([np.empty(0), *(cosine_distances(vectors(block), to) for block in blocks)])
    # Ties are in the order of the pairs.
    places = np.argsort(distances, kind="stable")[:count]
    return NearestPairs(others[places], distances[places])


def cosine_distances(vectors: Doubles, to: Doubles) -> Doubles:
    """``1 - u.v / (|u| |v|)`` of each vector ``(n, k)`` to another one ``(k,)``; 1 if either of them is 0."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors) * (to @ to))
    cosines = np.divide(vectors @ to, lengths, out=np.zeros(len(vectors)), where=lengths > 0)
    return np.asarray(1 - cosines)
