"""Checks of what measures that need the network are given."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.errors import MeasureError
from vulneuron.network import Classifier

Image = Tensor | npt.NDArray[np.floating]


def checked_image(image: Image, name: str, classifier: Classifier) -> Tensor:
    """The image as a float32 tensor ``(channel, y, x)`` on the CPU.

    Raises
    ------
    MeasureError
        If it has not the classifier's input shape, is not of floats, or has pixels outside of [0, 1].
    """
    # Copied, as torch takes no array that is read-only or a mirrored view.
    tensor = (
        image.detach().cpu() if isinstance(image, Tensor) else torch.from_numpy(np.array(image, order="C"))
    )
    shape = " x ".join(map(str, classifier.input_shape))
    if not tensor.is_floating_point() or tuple(tensor.shape) != tuple(classifier.input_shape):
        raise MeasureError(
            f"given the {name} image as {tensor.dtype} {tuple(tensor.shape)}",
            allowed=f"floats (channel, y, x) of {shape}, as the classifier reads them",
            fix="give one image of the record, or resize it and divide by 255",
        )
    low, high = tensor.min().item(), tensor.max().item()
    # NaN fails both comparisons.
    if not (low >= 0 and high <= 1):
        raise MeasureError(
            f"given the {name} image with pixels from {low:g} to {high:g}",
            allowed="pixels in [0, 1]",
            fix="undo the normalization, which is part of the classifier, or divide by 255",
        )
    return tensor.float()


def checked_label(label: int, name: str, classifier: Classifier) -> int:
    """The label as a Python integer.

    Raises
    ------
    MeasureError
        If it is no integer from 0 to ``classifier.classes - 1``.
    """
    _check_index(label, f"{name}_label", classifier.classes)
    return int(label)


def checked_neurons(
    neurons: Sequence[int] | npt.NDArray[np.integer] | None, classifier: Classifier
) -> Tensor:
    """Numbers of neurons as an int64 tensor; all of them for None.

    Raises
    ------
    MeasureError
        If one is no integer from 0 to ``classifier.neurons - 1``.
    """
    if neurons is None:
        return torch.arange(classifier.neurons)
    for neuron in neurons:
        _check_index(neuron, "neuron", classifier.neurons)
    return torch.tensor([int(neuron) for neuron in neurons], dtype=torch.int64)


def _check_index(value: object, name: str, count: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value < count:
        raise MeasureError(
            f"given {name} = {value!r}",
            allowed=f"an integer from 0 to {count - 1}",
            fix="check that it belongs to this classifier",
        )
