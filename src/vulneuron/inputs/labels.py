"""Maps the labels of a data set to indices of the model's outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vulneuron.errors import ImagesError, did_you_mean
from vulneuron.inputs.class_names import IMAGENET_CLASSES, imagenet_indices, match_names
from vulneuron.inputs.decoding import as_array

_SHOWN = 5


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
    """

    values: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    are_folders: bool = False


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


def resolve_labels(
    own: DatasetLabels, classes: int, class_names: tuple[str, ...] | None
) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """Map the labels of a data set to outputs of the model, and name the outputs.

    Parameters
    ----------
    own
        The labels of the data set.
    classes
        Number of outputs.
    class_names
        Names of the outputs, from the user or the model, if known.

    Returns
    -------
    labels, class_names
        Labels in ``0..classes-1`` or None; names of all outputs or None.

    Raises
    ------
    ImagesError
        Names cannot be matched, or the model has no output for a label.
    """
    if own.values is None:
        return None, class_names
    labels, names = own.values, own.names
    if names is not None and 0 <= labels.min() <= labels.max() < len(names):
        used = [names[label] for label in np.unique(labels)]
        outputs = _outputs(own, used, classes, class_names)
        if outputs is not None:
            table = np.array([outputs.get(name, -1) for name in names], dtype=np.int64)
            labels = table[labels]
        if class_names is None and len(names) == classes and outputs is None:
            class_names = names
    _check_range(labels, classes)
    return labels, class_names


def _outputs(
    own: DatasetLabels, used: Sequence[str], classes: int, class_names: tuple[str, ...] | None
) -> dict[str, int] | None:
    """Output of each name in use; None if the labels are output indices already."""
    names = own.names or ()
    same_count = len(names) == classes
    try:
        matches = match_names(used, class_names or ())
    except ImagesError:
        # A data set that numbers its labels like the model needs no names.
        if own.are_folders or not same_count:
            raise
        return None
    if len(matches) == len(used):
        return matches
    if same_count and not own.are_folders:
        return None
    if (numbers := _output_numbers(used, classes)) is not None:
        return numbers
    if classes == IMAGENET_CLASSES and (indices := imagenet_indices(used, names)) is not None:
        return indices
    if same_count and class_names is None:
        return None
    raise _no_match(own, used, matches, classes, class_names)


def _output_numbers(names: Sequence[str], classes: int) -> dict[str, int] | None:
    """The names as output numbers; None if one is not, or two are equal."""
    numbers = {name: int(name) for name in names if name.isascii() and name.isdigit()}
    distinct = len(numbers) == len(names) == len(set(numbers.values()))
    return numbers if distinct and max(numbers.values()) < classes else None


def _no_match(
    own: DatasetLabels,
    used: Sequence[str],
    matches: dict[str, int],
    classes: int,
    class_names: tuple[str, ...] | None,
) -> ImagesError:
    unmatched = [name for name in used if name not in matches]
    listed = ", ".join(unmatched[:_SHOWN]) + (", ..." if len(unmatched) > _SHOWN else "")
    kind = "sub-folders" if own.are_folders else "classes of the data set"
    problem = f"given {len(own.names or ())} {kind} for a model with {classes} outputs"
    if class_names is None:
        return ImagesError(
            f"{problem} whose names are not known ({listed})",
            allowed=f"{classes} {kind}, or {kind} named by output number",
            fix="pass the names of all outputs with --class-names",
        )
    closest = did_you_mean(unmatched[0], class_names)
    return ImagesError(
        f"{problem}; {len(unmatched)} are not class names ({listed})",
        allowed=f"class names such as {', '.join(class_names[:3])}, or output numbers below {classes}",
        fix=f"rename them or give the names with --class-names{f' ({closest})' if closest else ''}",
    )


def _check_range(labels: np.ndarray, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        bounds = f"go up to {high}" if high >= classes else f"go down to {low}"
        raise ImagesError(
            f"the labels {bounds} but the model has {classes} outputs",
            allowed=f"labels from 0 to {classes - 1}",
            fix="check that images and model belong together",
        )
