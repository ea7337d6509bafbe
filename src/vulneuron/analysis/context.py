"""The context images of a neuron."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.analysis.contributions import Curves
from vulneuron.analysis.data import Ints, LayerData
from vulneuron.analysis.results import Context
from vulneuron.measures.choices import Choice, check_choice
from vulneuron.measures.context import Scope, context_pairs
from vulneuron.measures.contribution import Weights

Order = Literal["activation", "confidence", "fall", "rise", "given"]
#: Values to sort pairs by, largest first; the legend names the value.
CONTEXT_ORDERS: Mapping[Order, Choice] = {
    "activation": Choice(
        "activation",
        "Pairs whose benign image excites the neuron most",
        ("the neuron's activation on the benign image, largest first",),
    ),
    "confidence": Choice(
        "confidence",
        "Pairs whose benign label has the highest probability on the benign image",
        ("the probability of the benign label on the benign image, largest first",),
    ),
    "fall": Choice(
        "fall",
        "Pairs on which the attack lowers the neuron's contribution most",
        ("how much the neuron's contribution falls, most first",),
    ),
    "rise": Choice(
        "rise",
        "Pairs on which the attack raises the neuron's contribution most",
        ("how much the neuron's contribution rises, most first",),
    ),
    "given": Choice("as in Pairs", "The order of the view Pairs", ("their place in the view Pairs",)),
}


def context(
    data: LayerData,
    curves: Curves,
    pair: int,
    neuron: int,
    *,
    order: Order,
    scope: Scope,
    count: int,
    start: int,
    given: Ints | None,
    weights: Weights,
) -> Context:
    """Top pairs for a neuron; see `Analysis.context`."""
    check_choice(order, "order", CONTEXT_ORDERS)
    activations = np.moveaxis(data.activations[:, :, neuron], 1, 0)
    confidences = [
        data.record.pairs[f"{side}_label_p_{side}"].to_numpy(np.float64) for side in ("benign", "adversarial")
    ]
    contributions = curves.contributions(np.arange(data.count), weights, np.array([neuron]))
    changes = (contributions.adversarial - contributions.benign)[:, 0]
    # Activations and confidences of the benign images, so that both sides show the same pairs.
    values: Mapping[Order, npt.NDArray[np.floating]] = {
        "activation": activations[0],
        "confidence": confidences[0],
        "fall": -changes,
        "rise": changes,
        "given": np.zeros(data.count),
    }
    pairs = context_pairs(
        values[order],
        data.benign_label,
        data.adversarial_label,
        pair,
        scope=scope,
        count=count,
        start=start,
        given=given,
    ).pairs
    return Context(
        pairs,
        activations[0][pairs],
        activations[1][pairs],
        confidences[0][pairs],
        confidences[1][pairs],
        changes[pairs],
    )
