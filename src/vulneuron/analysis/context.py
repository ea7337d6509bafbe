"""The context images of a neuron."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from vulneuron.analysis.data import LayerData
from vulneuron.analysis.results import Context
from vulneuron.measures.choices import Choice, check_choice
from vulneuron.measures.context import Scope, context_pairs

Order = Literal["activation", "confidence"]
#: Values to sort pairs by; the legend names the value.
CONTEXT_ORDERS: Mapping[Order, Choice] = {
    "activation": Choice(
        "activation", "Pairs whose benign image excites the neuron most", ("the neuron's activation",)
    ),
    "confidence": Choice(
        "confidence",
        "Pairs whose benign label has the highest probability on the benign image",
        ("the probability of the benign label",),
    ),
}


def context(data: LayerData, pair: int, neuron: int, *, order: Order, scope: Scope, count: int) -> Context:
    """Top pairs for a neuron; see `Analysis.context`."""
    check_choice(order, "order", CONTEXT_ORDERS)
    activations = np.moveaxis(data.activations[:, :, neuron], 1, 0)
    confidences = [
        data.record.pairs[f"{side}_label_p_{side}"].to_numpy(np.float64) for side in ("benign", "adversarial")
    ]
    # Both orders use the benign images, so both sides show the same pairs.
    values = (activations if order == "activation" else confidences)[0]
    pairs = context_pairs(
        values, data.benign_label, data.adversarial_label, pair, scope=scope, count=count
    ).pairs
    return Context(
        pairs, activations[0][pairs], activations[1][pairs], confidences[0][pairs], confidences[1][pairs]
    )
