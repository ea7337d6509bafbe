"""Contributions of neurons to a class's logit (paper, Section 5.2.1)."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import Choice, check_choice
from vulneuron.measures.registry import VULNERABILITY, NeuronContext, neuron_measure
from vulneuron.measures.sides import BySide

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Labels = int | npt.NDArray[np.integer]

#: The class whose weights the two curves of a pair use.
Weights = Literal["own", "benign", "adversarial", "margin"]
_MARGIN = "margin {adversarial} \N{MINUS SIGN} {benign}"
#: Legends are of the benign and of the adversarial curve.
WEIGHTS: dict[Weights, Choice] = {
    "own": Choice(
        "own", "Each curve uses the weights of its own image's label", legend=("{benign}", "{adversarial}")
    ),
    "benign": Choice(
        "benign", "Both curves use the weights of the benign label", legend=("{benign}", "{benign}")
    ),
    "adversarial": Choice(
        "adversarial",
        "Both curves use the weights of the adversarial label",
        legend=("{adversarial}", "{adversarial}"),
    ),
    "margin": Choice(
        "margin",
        "Adversarial minus benign label's weights: changes sum to that of the logit margin",
        legend=(_MARGIN, _MARGIN),
    ),
}
#: Coefficients (side, label) of the benign and of the adversarial label's weights.
_COEFFICIENTS: dict[Weights, tuple[tuple[int, int], tuple[int, int]]] = {
    "own": ((1, 0), (0, 1)),
    "benign": ((1, 0), (1, 0)),
    "adversarial": ((0, 1), (0, 1)),
    "margin": ((-1, 1), (-1, 1)),
}


def curve_weights(
    weight: Floating, *, benign_label: Labels, adversarial_label: Labels, weights: Weights = "own"
) -> BySide[Doubles]:
    """Weights of the dense layer for the two curves of a pair.

    Parameters
    ----------
    weight
        ``(class, neuron)``, weights of the dense layer.
    benign_label, adversarial_label
        The pair's labels; ``(pair,)`` for many pairs.
    weights
        "own": the benign label's for the benign curve, the adversarial label's for the adversarial curve.
        "benign" or "adversarial": that label's for both. "margin": the adversarial label's minus the benign
        label's for both.

    Raises
    ------
    MeasureError
        If the choice or a label is unknown.
    """
    check_choice(weights, "weights", WEIGHTS)
    both = np.stack([_rows(weight, benign_label), _rows(weight, adversarial_label)], axis=-2)
    benign, adversarial = np.moveaxis(_combined(both, weights), -2, 0)
    return BySide(benign, adversarial)


def contributions(
    benign: Floating,
    adversarial: Floating,
    weight: Floating,
    *,
    benign_label: Labels,
    adversarial_label: Labels,
    weights: Weights = "own",
) -> BySide[Doubles]:
    r"""Activation x weight of all neurons, for a linear head (paper, Section 5.2.1).

    With activations :math:`a_k` and :math:`a'_k` on the benign and the adversarial image, and the rows
    :math:`w_b, w_a` of the dense layer for the two labels:

    ================  ===========================  ============================
    `weights`         benign curve                 adversarial curve
    ================  ===========================  ============================
    ``own``           :math:`a_k w_{bk}`           :math:`a'_k w_{ak}`
    ``benign``        :math:`a_k w_{bk}`           :math:`a'_k w_{bk}`
    ``adversarial``   :math:`a_k w_{ak}`           :math:`a'_k w_{ak}`
    ``margin``        :math:`a_k (w_a - w_b)_k`    :math:`a'_k (w_a - w_b)_k`
    ================  ===========================  ============================

    The changes of the margin's contributions sum to the change of the logit margin
    :math:`z_a - z_b` from the benign to the adversarial image, as biases cancel.

    Parameters
    ----------
    benign, adversarial
        Activations ``(neuron,)``, or ``(pair, neuron)`` for many pairs.
    weight
        ``(class, neuron)``, weights of the dense layer.
    benign_label, adversarial_label
        The pair's labels; ``(pair,)`` for many pairs.
    weights
        See the table.

    Raises
    ------
    MeasureError
        If the choice or a label is unknown.
    """
    factors = curve_weights(
        weight, benign_label=benign_label, adversarial_label=adversarial_label, weights=weights
    )
    return BySide(benign * factors.benign, adversarial * factors.adversarial)


def label_contributions(contribution: Floating, weights: Weights = "own") -> BySide[Doubles]:
    """The two curves from contributions to both labels' logits, for a head that is not linear.

    "own", "benign", "adversarial" and "margin" mean the same as for `contributions`. Gradients differ between
    the two images, so the margin's changes need not sum to the change of the logit margin here.

    Parameters
    ----------
    contribution
        ``(..., side, label, neuron)``, gradient x activation, for each image (benign, adversarial) and each
        logit (of the benign label, of the adversarial label); stored in the record of such a network.
    weights
        Logits that the curves show.

    Raises
    ------
    MeasureError
        If the choice is unknown.
    """
    check_choice(weights, "weights", WEIGHTS)
    benign, adversarial = (
        _combined(contribution[..., side, :, :], weights)[..., side, :] for side in range(2)
    )
    return BySide(benign, adversarial)


@neuron_measure(
    label="contribution, {part}",
    row="contribution",
    heading={"benign": "contrib.\nbenign", "adversarial": "contrib.\nadvers."},
    meaning={
        "benign": "What the neuron adds to the logit, on the benign image",
        "adversarial": "What the neuron adds to the logit, on the adversarial image",
    },
    formula={"benign": "a_k w_bk", "adversarial": "a'_k w_ak"},
    unit="logit",
    ends=("largest contribution", "smallest contribution"),
    by="side",
)
def contribution(context: NeuronContext) -> BySide[Doubles]:
    """Contribution of each neuron on either image, for the weights that the settings choose."""
    return context.contributions


@neuron_measure(
    label="curve gap",
    heading="curve\ngap",
    meaning="Contribution on the adversarial image minus that on the benign image: inhibited below 0, "
    "excited above 0",
    formula="adversarial minus benign contribution",
    unit="logit",
    group=VULNERABILITY,
    first="smallest",
    ends=("most inhibited", "most excited"),
    signed=True,
    display="change",
)
def curve_gap(context: NeuronContext) -> Doubles:
    """Adversarial minus benign contribution: > 0 excited by the attack, < 0 inhibited."""
    return context.contributions.adversarial - context.contributions.benign


def _combined(label_values: Floating, weights: Weights) -> Doubles:
    """From ``(..., label, neuron)`` to ``(..., side, neuron)``."""
    coefficients = np.array(_COEFFICIENTS[weights], np.float64)
    return np.asarray(coefficients @ label_values.astype(np.float64))


def _rows(weight: Floating, labels: Labels) -> Floating:
    classes = np.asarray(labels)
    if classes.size and not 0 <= classes.min() <= classes.max() < len(weight):
        raise MeasureError(
            f"given labels from {classes.min()} to {classes.max()}",
            allowed=f"classes from 0 to {len(weight) - 1}",
            fix="check that labels and weights belong to the same network",
        )
    return np.asarray(weight[classes])
