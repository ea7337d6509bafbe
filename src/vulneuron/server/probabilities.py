"""Probabilities as bars: the classes that are worth showing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vulneuron.server.dto import Probability

_SMALLEST, _MOST = 0.01, 5


def most_probable(probabilities: npt.NDArray[Any], labels: Sequence[int]) -> list[Probability]:
    """Classes of at least one per cent, at most five, the most probable first; the labels in any case.

    Parameters
    ----------
    probabilities
        ``(class,)``.
    labels
        Benign and adversarial label.
    """
    order = np.argsort(-probabilities, kind="stable").tolist()
    others = [label for label in order if label not in labels and probabilities[label] >= _SMALLEST]
    shown = {*labels, *others[: _MOST - len(set(labels))]}
    return [
        Probability(label=label, probability=float(probabilities[label])) for label in order if label in shown
    ]
