"""Substitution of neurons: the attack's gain from changing just these neurons (paper, Section 5.2.1).

The value of a neuron, or of a set of neurons, on one image of a pair replaces its value on the other image,
and the softmax is recomputed. Both measures are positive where the adversarial value helps the attack,
whichever vector receives it:

* *benign drop*: the benign label's probability with the benign value minus that with the adversarial value;
* *adversarial gain*: the adversarial label's probability with the adversarial value minus that with the
  benign value.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import check_choice, check_whole
from vulneuron.measures.registry import SUBSTITUTION, NeuronContext, neuron_measure
from vulneuron.measures.sides import SIDES, ByEffect, Side

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Labels = int | npt.NDArray[np.integer]
Neurons = Sequence[int] | npt.NDArray[np.integer]
#: Logits (n, class) of feature maps (n, neuron, row, column).
Head = Callable[[Floating], Floating]

#: Number of substituted logits computed at once, to stay in a CPU's cache.
_LOGITS_AT_ONCE = 2**18


@dataclass(frozen=True, eq=False)
class SetSubstitution:
    """Effect of substituting a set of neurons together.

    Attributes
    ----------
    logits
        ``(class,)``, float64, after the substitution.
    benign_drop, adversarial_gain
        In [-1, 1]; positive where the adversarial values help the attack.
    """

    logits: Doubles
    benign_drop: float
    adversarial_gain: float


def substitute_each(
    benign: Floating,
    adversarial: Floating,
    weight: Floating,
    bias: Floating,
    *,
    benign_label: Labels,
    adversarial_label: Labels,
    into: Side = "benign",
) -> ByEffect[Doubles]:
    r"""Substitute each neuron alone, for a linear head: in closed form, all neurons of all pairs at once.

    Replacing the benign activation :math:`a_k` by the adversarial :math:`a'_k` changes the logits by
    :math:`(a'_k - a_k)\, w_{\cdot k}`; the opposite replacement changes the sign.

    Parameters
    ----------
    benign, adversarial
        Activations ``(neuron,)`` of the two images, or ``(pair, neuron)`` of many pairs.
    weight, bias
        ``(class, neuron)`` and ``(class,)``, of the dense layer.
    benign_label, adversarial_label
        The pair's labels; ``(pair,)`` for many pairs.
    into
        "benign": the benign vector receives adversarial values. "adversarial": the adversarial vector
        receives benign values.

    Returns
    -------
    ByEffect
        Float64 in [-1, 1], positive where the adversarial value helps the attack. Differences keep their
        digits even where float64 cannot distinguish probabilities from 0 or 1, so neurons can be ordered
        however confident the network is.

    Raises
    ------
    MeasureError
        If a label or `into` is unknown.
    """
    receiving, replacing = _directed(benign.astype(np.float64), adversarial.astype(np.float64), into)
    labels = np.atleast_2d(_checked_labels(benign_label, adversarial_label, len(weight)))
    factors = weight.astype(np.float64)
    changes = np.atleast_2d(replacing - receiving)
    before = np.atleast_2d(receiving @ factors.T + bias)
    effects = np.empty((2, *changes.shape))
    at_once = max(1, _LOGITS_AT_ONCE // max(weight.size, 1))
    for start in range(0, len(changes), at_once):
        block = slice(start, start + at_once)
        after = before[block, :, None] + factors * changes[block, None, :]
        effects[:, block] = _effect(before[block, :, None], after, labels[block], into)
    # Exactly 0, not the rounding error of sums in another order.
    effects[:, changes == 0] = 0
    drop, gain = effects.reshape(2, *receiving.shape)
    return ByEffect(drop, gain)


def substitute_set(
    benign: Floating,
    adversarial: Floating,
    weight: Floating,
    bias: Floating,
    neurons: Neurons,
    *,
    benign_label: int,
    adversarial_label: int,
    into: Side = "benign",
) -> SetSubstitution:
    """Substitute a set of neurons together, for a linear head.

    Substituting all neurons into the benign vector gives the adversarial logits.

    Parameters
    ----------
    benign, adversarial, weight, bias, benign_label, adversarial_label, into
        As for `substitute_each`.
    neurons
        Numbers of the neurons; may be empty.

    Raises
    ------
    MeasureError
        If a neuron, a label or `into` is unknown.
    """
    receiving, replacing = _directed(benign.astype(np.float64), adversarial.astype(np.float64), into)
    before = weight @ receiving + bias
    after = weight @ _mixed(receiving, replacing, neurons) + bias
    labels = _checked_labels(benign_label, adversarial_label, len(weight))
    return _set_result(before, after, labels, into)


def substitute_each_map(
    benign: Floating,
    adversarial: Floating,
    head: Head,
    *,
    benign_label: int,
    adversarial_label: int,
    into: Side = "benign",
    batch_size: int = 64,
) -> ByEffect[Doubles]:
    """Substitute each neuron's whole feature map alone, for any head.

    Parameters
    ----------
    benign, adversarial
        Feature maps ``(neuron, row, column)`` of the two images.
    head
        Logits ``(n, class)`` of feature maps ``(n, neuron, row, column)``.
    benign_label, adversarial_label, into
        As for `substitute_each`.
    batch_size
        Number of neurons per call of the head.

    Returns
    -------
    ByEffect
        As exact as the head, usually float32.

    Raises
    ------
    MeasureError
        If a label, `into` or the batch size is invalid.
    """
    check_whole(batch_size, "batch_size")
    receiving, replacing = _directed(benign, adversarial, into)
    before = _logits(head, receiving)
    labels = _checked_labels(benign_label, adversarial_label, len(before))
    after = []
    for start in range(0, len(receiving), batch_size):
        neurons = np.arange(start, min(start + batch_size, len(receiving)))
        mixed = np.repeat(receiving[None], len(neurons), axis=0)
        mixed[neurons - start, neurons] = replacing[neurons]
        after.append(np.asarray(head(mixed), np.float64))
    drop, gain = _effect(before[:, None], np.concatenate(after).T, labels, into)
    changed = (receiving != replacing).any(axis=(1, 2))
    return ByEffect(np.where(changed, drop, 0), np.where(changed, gain, 0))


def substitute_map_set(
    benign: Floating,
    adversarial: Floating,
    head: Head,
    neurons: Neurons,
    *,
    benign_label: int,
    adversarial_label: int,
    into: Side = "benign",
) -> SetSubstitution:
    """Substitute the whole feature maps of a set of neurons together, for any head.

    Parameters
    ----------
    benign, adversarial, head, benign_label, adversarial_label, into
        As for `substitute_each_map`.
    neurons
        Numbers of the neurons; may be empty.

    Raises
    ------
    MeasureError
        If a neuron, a label or `into` is unknown.
    """
    receiving, replacing = _directed(benign, adversarial, into)
    before, after = _logits(head, receiving), _logits(head, _mixed(receiving, replacing, neurons))
    labels = _checked_labels(benign_label, adversarial_label, len(before))
    return _set_result(before, after, labels, into)


@neuron_measure(
    label="{part}",
    row="substituted alone",
    heading={"benign_drop": "subst.\ndrop", "adversarial_gain": "subst.\ngain"},
    meaning={
        "benign_drop": "Drop of the benign label's probability if this neuron alone were attacked",
        "adversarial_gain": "Rise of the adversarial label's probability if this neuron alone were attacked",
    },
    formula={
        "benign_drop": "p_b(x) - p_b with a_k replaced by a'_k",
        "adversarial_gain": "p_a with a_k replaced by a'_k, minus p_a(x)",
    },
    unit="probability, -1 to 1",
    group=SUBSTITUTION,
    display="change",
    needs={"network"},
    missing_because="because the head is not linear and the network is missing",
    fix="provide the model",
    by="effect",
)
def substitution(context: NeuronContext) -> ByEffect[Doubles]:
    """Effect of substituting each neuron on its own into the benign image."""
    return context.substitution


def _directed(benign: Floating, adversarial: Floating, into: Side) -> tuple[Floating, Floating]:
    """The values that are replaced, and the values that replace them."""
    check_choice(into, "into", SIDES)
    return (benign, adversarial) if into == "benign" else (adversarial, benign)


def _mixed(receiving: Floating, replacing: Floating, neurons: Neurons) -> Floating:
    numbers = np.asarray(neurons, np.int64)
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(receiving):
        raise MeasureError(
            f"given neurons from {numbers.min()} to {numbers.max()}",
            allowed=f"neurons from 0 to {len(receiving) - 1}",
            fix="check that they belong to this network",
        )
    mixed = receiving.copy()
    mixed[numbers] = replacing[numbers]
    return mixed


def _logits(head: Head, features: Floating) -> Doubles:
    return np.asarray(head(features[None])[0], np.float64)


def _set_result(before: Doubles, after: Doubles, labels: Ints, into: Side) -> SetSubstitution:
    drop, gain = _effect(before[:, None], after[:, None], labels, into)
    return SetSubstitution(after, float(drop[0]), float(gain[0]))


def _effect(before: Doubles, after: Doubles, labels: Ints, into: Side) -> tuple[Doubles, Doubles]:
    """Benign drop and adversarial gain of logits ``(..., class, n)`` for labels ``(..., label)``."""
    changes = _probability_changes(_log_odds(before, labels), _log_odds(after, labels))
    benign, adversarial = np.moveaxis(changes, -2, 0)
    # Subtracted from 0 rather than negated: no change is 0.0, never -0.0.
    return (0.0 - benign, adversarial) if into == "benign" else (benign, 0.0 - adversarial)


def _log_odds(logits: Doubles, labels: Ints) -> Doubles:
    """Logarithm of p / (1 - p) of each label, ``(..., label, n)``, for logits ``(..., class, n)``."""
    shifted = logits - logits.max(axis=-2, keepdims=True)
    others = np.ones((*labels.shape, logits.shape[-2]))
    np.put_along_axis(others, labels[..., None], 0, axis=-1)
    # If a label is 700 logits above all others, float64 cannot represent 1 - p.
    rest = np.maximum(others @ np.exp(shifted), np.finfo(np.float64).tiny)
    return np.asarray(np.take_along_axis(shifted, labels[..., None], axis=-2) - np.log(rest))


def _probability_changes(before: Doubles, after: Doubles) -> Doubles:
    r"""Difference of probabilities from log-odds, without cancellation where they are near 0 or 1.

    :math:`\sigma(x) - \sigma(y) = \sigma(x)\,\sigma(-y)\,(1 - e^{y - x})`.
    """
    low, high = np.minimum(before, after), np.maximum(before, after)
    changes: Doubles = np.copysign(expit(high) * expit(-low) * -np.expm1(low - high), after - before)
    return changes


def _checked_labels(benign_label: Labels, adversarial_label: Labels, classes: int) -> Ints:
    """Both labels as ``(..., 2)``."""
    labels = np.stack([benign_label, adversarial_label], axis=-1).astype(np.int64)
    outside = labels[(labels < 0) | (labels >= classes)]
    if len(outside):
        raise MeasureError(
            f"given label {outside[0]}",
            allowed=f"classes from 0 to {classes - 1}",
            fix="check that labels and head belong to the same network",
        )
    return labels
