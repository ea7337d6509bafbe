"""A measure of neurons in a package of its own: by which factor the attack changes an activation.

The entry point in ``pyproject.toml`` beside this file makes Vulneuron load it. It is then a column of
`Analysis.neurons`, sorts `vulneuron neurons`, and stands in the dashboard's menu.
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
    """Logarithm of the ratio of both activations, 1 added to each; for layers behind a ReLU."""
    benign, adversarial = context.activations
    return np.log1p(adversarial) - np.log1p(benign)
