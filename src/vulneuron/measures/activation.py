"""Activations: how strongly each neuron responds to either image (paper, Section 5.2.1)."""

from typing import Any

import numpy.typing as npt

from vulneuron.measures.registry import VULNERABILITY, NeuronContext, neuron_measure
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


@neuron_measure(
    label="activation gap",
    heading="activ.\ngap",
    meaning="Activation on the adversarial image minus that on the benign image",
    formula="a'_k - a_k",
    unit="activation",
    group=VULNERABILITY,
    first="smallest",
    ends=("weakened most", "strengthened most"),
    display="change",
)
def activation_gap(context: NeuronContext) -> npt.NDArray[Any]:
    """Adversarial minus benign activation, the plain difference that the paper's gaps are compared with."""
    return context.activations.adversarial - context.activations.benign
