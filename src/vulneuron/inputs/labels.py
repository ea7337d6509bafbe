"""From the labels that a data set has to indices of the model's outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vulneuron.errors import ImagesError, did_you_mean
from vulneuron.inputs.class_names import IMAGENET_CLASSES, imagenet_indices, match_names
from vulneuron.inputs.decoding import as_array

_SHOWN = 5


@dataclass(frozen=True)
class FoundLabels:
    """Labels as a data set has them.

    Attributes
    ----------
    values
        One integer an image, ``(image,)``, int64; None if there are none.
    names
        What label k is called; None if unknown.
    are_folders
        Whether the names are sub-folders, so that the values are mere positions in a sorted list.
    """

    values: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    are_folders: bool = False


def as_labels(values: object, images: int) -> np.ndarray:
    """Check and convert labels that came as an array, a tensor or a list.

    Raises
    ------
    ImagesError
        They are not one integer an image.
    """
    try:
        array = as_array(values)
    except ValueError:  # lists of several lengths
        array = np.empty((), dtype=object)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        one_hot = array.ndim == 2 and array.shape[1] > 1
        raise ImagesError(
            f"given labels of shape {array.shape} and dtype {array.dtype}",
            allowed=f"one integer an image, shape ({images},)",
            fix="Turn one-hot labels into integers with .argmax(1)"
            if one_hot
            else "Convert them, for example with .ravel().astype('int64')",
        )
    if len(array) != images:
        raise ImagesError(
            f"given {len(array)} labels for {images} images",
            allowed="one label an image",
            fix="Check that both come from the same split",
        )
    return array.astype(np.int64)


def check_class_names(class_names: Sequence[str], classes: int) -> tuple[str, ...]:
    """Check that there is a name for each output of the model."""
    if len(class_names) != classes:
        raise ImagesError(
            f"given {len(class_names)} class names for a model with {classes} outputs",
            allowed="one name an output, in the order of the outputs",
            fix="Give all of them with --class-names",
        )
    return tuple(class_names)


def resolve_labels(
    found: FoundLabels, classes: int, class_names: tuple[str, ...] | None
) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """Map the labels of a data set to outputs of the model, and name the outputs.

    Parameters
    ----------
    found
        The labels of the data set.
    classes
        Number of outputs.
    class_names
        Names of the outputs, if the user or the model has them.

    Returns
    -------
    labels, class_names
        Labels in ``0..classes-1`` or None; names of all outputs or None.

    Raises
    ------
    ImagesError
        Names that cannot be matched, or labels that the model has no output for.
    """
    if found.values is None:
        return None, class_names
    labels, names = found.values, found.names
    if names is not None and 0 <= labels.min() <= labels.max() < len(names):
        used = [names[k] for k in np.unique(labels)]
        outputs = _outputs(found, used, classes, class_names)
        if outputs is not None:
            table = np.array([outputs.get(name, -1) for name in names], dtype=np.int64)
            labels = table[labels]
        if class_names is None and len(names) == classes and outputs is None:
            class_names = names
    _check_range(labels, classes)
    return labels, class_names


def _outputs(
    found: FoundLabels, used: Sequence[str], classes: int, class_names: tuple[str, ...] | None
) -> dict[str, int] | None:
    """Output of each name that is in use; None where the values are the outputs already."""
    names = found.names or ()
    same_count = len(names) == classes
    try:
        matches = match_names(used, class_names or ())
    except ImagesError:
        # A data set that numbers its labels like the model needs no names.
        if found.are_folders or not same_count:
            raise
        return None
    if len(matches) == len(used):
        return matches
    if same_count and not found.are_folders:
        return None
    numbers = {name: int(name) for name in used if name.isascii() and name.isdigit()}
    if len(numbers) == len(used) == len(set(numbers.values())) and max(numbers.values()) < classes:
        return numbers
    if classes == IMAGENET_CLASSES and (indices := imagenet_indices(used, names)) is not None:
        return indices
    if same_count and class_names is None:
        return None
    raise _no_match(found, used, matches, classes, class_names)


def _no_match(
    found: FoundLabels,
    used: Sequence[str],
    matches: dict[str, int],
    classes: int,
    class_names: tuple[str, ...] | None,
) -> ImagesError:
    unmatched = [name for name in used if name not in matches]
    listed = ", ".join(unmatched[:_SHOWN]) + (", ..." if len(unmatched) > _SHOWN else "")
    what = "sub-folders" if found.are_folders else "classes of the data set"
    given = f"given {len(found.names or ())} {what} for a model with {classes} outputs"
    if class_names is None:
        hint = "Give the names of all outputs with --class-names"
        return ImagesError(
            f"{given} whose names are not known ({listed})",
            allowed=f"{classes} {what}, or {what} named by output number",
            fix=hint,
        )
    closest = did_you_mean(unmatched[0], class_names)
    return ImagesError(
        f"{given}; {len(unmatched)} are no class names ({listed})",
        allowed=f"class names such as {', '.join(class_names[:3])}, or output numbers below {classes}",
        fix=f"Rename them or give the names with --class-names{f' ({closest})' if closest else ''}",
    )


def _check_range(labels: np.ndarray, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        found = f"go up to {high}" if high >= classes else f"go down to {low}"
        raise ImagesError(
            f"the labels {found} but the model has {classes} outputs",
            allowed=f"labels from 0 to {classes - 1}",
            fix="Check that images and model belong together",
        )
