"""Selects the images to attack, and the successes to keep. Pure functions on arrays."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vulneuron.errors import RunError, did_you_mean

Ints = npt.NDArray[np.int64]


def class_indices(names: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """Indices of named classes, in the order of the network's outputs.

    Raises
    ------
    RunError
        If there is no class of this name; close matches are suggested.
    """
    indices = {name: index for index, name in enumerate(class_names)}
    names = [_composed(name) for name in map(str, names)]
    for name in names:
        if name not in indices:
            shown, more = class_names[:12], len(class_names) - 12
            raise RunError(
                f"class {name!r} is unknown",
                allowed=", ".join(shown) + (f", and {more} more" if more > 0 else ""),
                fix=did_you_mean(name, class_names) or "check the spelling in --classes or --target",
            )
    return sorted({indices[name] for name in names})


def split_names(text: str, class_names: Sequence[str]) -> list[str]:
    """Split ``a,b`` into names, each as long as possible, because names may contain commas."""
    parts, known, names = _composed(text).split(","), set(class_names), []
    start = 0
    while start < len(parts):
        stops = range(len(parts), start, -1)
        stop = next((stop for stop in stops if ",".join(parts[start:stop]).strip() in known), start + 1)
        names.append(",".join(parts[start:stop]).strip())
        start = stop
    return [name for name in names if name]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def select_images(
    labels: Ints, classes: Sequence[int] | None, limit: int | None, *, unknown: int | None = None
) -> Ints:
    """Positions of the images of a run: those of some classes, the first `limit` of each.

    Parameters
    ----------
    labels
        ``(image,)``, true labels of all images of the source.
    classes
        Labels to select; None for all.
    limit
        Maximum number of images per class; None for all.
    unknown
        Label of images to leave out; None if there are none.

    Returns
    -------
    ndarray
        Ascending positions.
    """
    keep = np.ones(len(labels), dtype=bool) if classes is None else np.isin(labels, list(classes))
    if unknown is not None:
        keep &= labels != unknown
    if limit is not None:
        for label in np.unique(labels[keep]):
            keep[np.flatnonzero(labels == label)[limit:]] = False
    if not keep.any():
        raise RunError(
            "the selection contains no images",
            allowed="at least one image of the selected classes",
            fix="check --classes against the classes of the images",
        )
    return np.flatnonzero(keep)


def most_attacked(benign_labels: Ints, adversarial_labels: Ints, top: int) -> npt.NDArray[np.bool_]:
    """Mask of the pairs in the most attacked classes (paper, Section 6.2.2).

    The `top` benign labels with the most pairs, and among their pairs the `top` most frequent adversarial
    labels. Ties go to the lower label.

    Returns
    -------
    ndarray
        ``(pair,)``, True for the pairs to keep.
    """
    frequent_benign = np.isin(benign_labels, _most_frequent(benign_labels, top))
    frequent = _most_frequent(adversarial_labels[frequent_benign], top)
    return frequent_benign & np.isin(adversarial_labels, frequent)


def _most_frequent(labels: Ints, top: int) -> Ints:
    values, counts = np.unique(labels, return_counts=True)
    return np.asarray(values[np.argsort(-counts, kind="stable")[:top]])
