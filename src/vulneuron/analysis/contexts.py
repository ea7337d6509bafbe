"""The context images of a neuron."""

from typing import Literal, get_args

from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.pair_masks import PairMasks
from vulneuron.analysis.results import Context
from vulneuron.measures.choices import check_choice
from vulneuron.measures.context import Scope, context_pairs
from vulneuron.measures.thresholds import Threshold
from vulneuron.record.schema import BENIGN

Order = Literal["activation", "confidence"]
ORDERS: tuple[Order, ...] = get_args(Order)


def context(
    data: PairData,
    masks: PairMasks,
    pair: int,
    neuron: int,
    *,
    order: Order,
    scope: Scope,
    count: int,
    threshold: Threshold,
) -> Context:
    """Top pairs for a neuron, with its receptive fields; see `Analysis.context`."""
    check_choice(order, "order", ORDERS)
    if order == "activation":
        values = data.activations[:, BENIGN, neuron]
    else:
        values = data.record.pairs["benign_label_p_benign"].to_numpy()
    found = context_pairs(values, data.benign_label, data.adversarial_label, pair, scope=scope, count=count)
    captured = masks.of_neuron(found.pairs, neuron, threshold)
    return Context(
        found.pairs,
        found.values,
        data.record.images(found.pairs, "benign"),
        data.record.images(found.pairs, "adversarial"),
        captured.benign,
        captured.adversarial,
    )
