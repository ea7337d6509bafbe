"""Labels as they come with a data set, and their validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.decoding import as_array


@dataclass(frozen=True)
class DatasetLabels:
    """Labels as they come with a data set.

    Attributes
    ----------
    values
        ``(image,)``, int64; None without labels.
    names
        Name of each label; None if unknown.
    are_folders
        Whether the names are sub-folders, whose labels are only positions in a sorted list.
    are_sorted
        Whether the labels are positions in the sorted list of names that the images have.
    nested
        The same images with their innermost folders as classes; None if these are the sub-folders.
    """

    values: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    are_folders: bool = False
    are_sorted: bool = False
    nested: "DatasetLabels | None" = None

    @property
    def positional(self) -> bool:
        """Whether the labels are only positions in a sorted list, which the model may not share."""
        return self.are_folders or self.are_sorted


def as_labels(values: object, images: int) -> np.ndarray:
    """Validate and convert labels from an array, a tensor or a list.

    Raises
    ------
    ImagesError
        They are not one integer per image.
    """
    try:
        array = as_array(values)
    except ValueError:  # ragged lists
        array = np.empty((), dtype=object)
    # One column, as in MedMNIST's files.
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or array.dtype.kind not in "iu":
        one_hot = array.ndim == 2 and array.shape[1] > 1
        raise ImagesError(
            f"given labels of shape {array.shape} and dtype {array.dtype}",
            allowed=f"one integer per image, shape ({images},)",
            fix="convert one-hot labels to integers with .argmax(1)"
            if one_hot
            else "Convert them, for example with .ravel().astype('int64')",
        )
    if len(array) != images:
        raise ImagesError(
            f"given {len(array)} labels for {images} images",
            allowed="one label per image",
            fix="check that both come from the same split",
        )
    return array.astype(np.int64)


def check_class_names(class_names: Sequence[str], classes: int) -> tuple[str, ...]:
    """Check that there is one name per output of the model."""
    if len(class_names) != classes:
        raise ImagesError(
            f"given {len(class_names)} class names for a model with {classes} outputs",
            allowed="one name per output, in the order of the outputs",
            fix="pass all of them with --class-names",
        )
    return tuple(class_names)
