"""`ImagePair`: a benign and an adversarial image with their labels, and checks against a classifier."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.errors import MeasureError
from vulneuron.network import Classifier

Image = Tensor | npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class ImagePair:
    """A benign image, its adversarial counterpart, and the labels of both.

    Attributes
    ----------
    benign, adversarial
        ``(channel, y, x)``, floats in [0, 1].
    benign_label, adversarial_label
        Class indices.
    """

    benign: Image
    adversarial: Image
    benign_label: int
    adversarial_label: int


def checked_image(image: Image, name: str, classifier: Classifier) -> Tensor:
    """The image as a float32 tensor ``(channel, y, x)`` on the CPU.

    Raises
    ------
    MeasureError
        If its shape is not the classifier's input shape, or its pixels are not floats in [0, 1].
    """
    # Copied, because torch accepts neither read-only arrays nor negative strides.
    tensor = (
        image.detach().cpu() if isinstance(image, Tensor) else torch.from_numpy(np.array(image, order="C"))
    )
    shape = " x ".join(map(str, classifier.input_shape))
    if not tensor.is_floating_point() or tuple(tensor.shape) != tuple(classifier.input_shape):
        raise MeasureError(
            f"given the {name} image as {tensor.dtype} {tuple(tensor.shape)}",
            allowed=f"floats (channel, y, x) of {shape}, the classifier's input shape",
            fix="pass one image of the record, or resize it and divide by 255",
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


def checked_labels(pair: ImagePair, classifier: Classifier) -> tuple[int, int]:
    """The benign and the adversarial label as Python integers.

    Raises
    ------
    MeasureError
        If one is not an integer from 0 to ``classifier.classes - 1``.
    """
    check_index(pair.benign_label, "benign_label", classifier.classes)
    check_index(pair.adversarial_label, "adversarial_label", classifier.classes)
    return int(pair.benign_label), int(pair.adversarial_label)


def check_index(value: object, name: str, count: int) -> None:
    """Refuse anything but an integer from 0 to `count` - 1.

    Raises
    ------
    MeasureError
        For anything else.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value < count:
        raise MeasureError(
            f"given {name} = {value!r}",
            allowed=f"an integer from 0 to {count - 1}",
            fix="check that it belongs to this classifier",
        )
