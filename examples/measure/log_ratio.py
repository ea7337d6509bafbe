"""A neuron measure in a separate package: the factor by which the attack changes an activation.

Vulneuron loads it through the entry point in ``pyproject.toml`` beside this file. It is then a column of
`Analysis.neurons`, can sort `vulneuron neurons`, and appears in the dashboard's sort menu.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vulneuron.measures import NeuronContext, neuron_measure


@neuron_measure(
    label="log ratio",
    heading="log\nratio",
    meaning="Logarithm of the adversarial over the benign activation, 1 added to each",
    formula="log((a'_k + 1) / (a_k + 1))",
    unit="1",
    display="change",
)
def log_ratio(context: NeuronContext) -> npt.NDArray[Any]:
    """Logarithm of the ratio of both activations, 1 added to each; for layers after a ReLU."""
    benign, adversarial = context.activations
    return np.log1p(adversarial) - np.log1p(benign)
