"""Activations: how strongly each neuron responds to either image (paper, Section 5.2.1)."""

from typing import Any

import numpy.typing as npt

from vulneuron.measures.registry import NeuronContext, neuron_measure
from vulneuron.measures.sides import BySide


@neuron_measure(
    label="activation, {part}",
    row="activation",
    heading={"benign": "activ.\nbenign", "adversarial": "activ.\nadvers."},
    meaning={
        "benign": "How strongly the neuron responds to the benign image",
        "adversarial": "How strongly the neuron responds to the adversarial image",
    },
    formula={"benign": "a_k", "adversarial": "a'_k"},
    unit="activation",
    ends=("largest activation", "smallest activation"),
    by="side",
)
def activation(context: NeuronContext) -> BySide[npt.NDArray[Any]]:
    """Activation of each neuron, as the head of the network reads it: one number per feature map."""
    return context.activations
