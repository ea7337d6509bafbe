"""Named results of an `Analysis` that are not results of a measure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.measures.sides import ByEffect, BySide

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
#: Receptive fields on both images, each ``(neuron, y, x)``; of one neuron on many pairs ``(pair, y, x)``.
Masks = BySide[Bools]
#: The most vulnerable pixels by either vulnerability map, each ``(y, x)``.
TopMasks = ByEffect[Bools]
#: IoU of each neuron's receptive field with either of the `TopMasks`, each ``(neuron,)`` in [0, 1].
Overlaps = ByEffect[Floats]


@dataclass(frozen=True, eq=False)
class Pair:
    """Labels, probabilities and perturbation of one pair.

    Attributes
    ----------
    number
        Number of the pair in the record.
    image_id, image_index
        Name and position of the benign image in its source.
    benign_label, adversarial_label
        Names of the two labels.
    benign_probabilities, adversarial_probabilities
        ``(class,)``, float64, in the order of ``record.class_names``: the softmax on either image.
    perturbation_l2, perturbation_linf
        Norms of adversarial minus benign pixels, with pixels in [0, 1].
    survives_8bit
        Whether the attack still succeeds after rounding the adversarial image to 8 bits.
    """

    number: int
    image_id: str
    image_index: int
    benign_label: str
    adversarial_label: str
    benign_probabilities: Doubles
    adversarial_probabilities: Doubles
    perturbation_l2: float
    perturbation_linf: float
    survives_8bit: bool


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """Receptive field of one neuron, or combined receptive field of several, on one image.

    Attributes
    ----------
    mask
        ``(y, x)`` of the RF size: captured pixels.
    image
        ``(channel, y, x)`` in [0, 1]: the image inside the mask, black outside.
    coverage
        Captured fraction of the image, 0 to 1.
    dead
        ``(neuron,)``: which of the neurons capture nothing.
    """

    mask: Bools
    image: Floats
    coverage: float
    dead: Bools


@dataclass(frozen=True, eq=False)
class Context:
    """Other pairs whose images show what a neuron captures, ordered from the first.

    Attributes
    ----------
    pairs
        ``(m,)``: numbers of the pairs.
    benign_activations, adversarial_activations
        ``(m,)``: activation of the neuron on either image.
    benign_confidences, adversarial_confidences
        ``(m,)``: probability of each image's own label on that image.
    changes
        ``(m,)``: contribution of the neuron on the adversarial image minus that on the benign one.
    """

    pairs: Ints
    benign_activations: Floats
    adversarial_activations: Floats
    benign_confidences: Doubles
    adversarial_confidences: Doubles
    changes: Doubles


@dataclass(frozen=True, eq=False)
class NearestPairs:
    """The pairs that are most like a given one, the nearest first.

    Attributes
    ----------
    pairs
        ``(m,)``: numbers of the pairs.
    distances
        ``(m,)``: cosine distances to the given pair, from 0 to 2.
    """

    pairs: Ints
    distances: Doubles
