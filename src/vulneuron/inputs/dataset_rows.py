"""Rows of data sets: the image and the label of a tuple or a dict, the stored labels, and the class names."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import Subset

from vulneuron.inputs.class_name_files import without_initials
from vulneuron.inputs.decoding import as_array

_IMAGE_KEYS = ("image", "img", "images", "pixel_values", "jpg", "png", "x")
_LABEL_KEYS = ("label", "labels", "fine_label", "target", "targets", "class", "cls", "y")
# Hugging Face has the first, torchvision and others the last.
_STORED = ("targets", "labels")


def image_and_label(row: Any) -> tuple[Any, Any]:
    """Image and label of an item; the label is None without one.

    A dict, as in Hugging Face's data sets, has them under common names such as ``image`` and ``label``.
    """
    if isinstance(row, Mapping):
        image = next((row[key] for key in _IMAGE_KEYS if key in row), row)
        label_key = _label_key(row)
        return decoded(image), None if label_key is None else row[label_key]
    if isinstance(row, tuple | list) and row:
        return decoded(row[0]), row[1] if len(row) > 1 else None
    return decoded(row), None


def decoded(image: Any) -> Any:
    """A PIL image from the bytes of a file, also in a dict ``{"bytes": ...}``; other images unchanged."""
    content = image.get("bytes") if isinstance(image, Mapping) else image
    if not isinstance(content, bytes | bytearray | memoryview):
        return image
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        return ImageOps.exif_transpose(opened)


def stored_labels(dataset: Any, length: int) -> np.ndarray | None:
    """Labels that a data set stores in one piece, which need no pass over its items; None without any."""
    if isinstance(dataset, Subset):
        whole = stored_labels(dataset.dataset, len(dataset.dataset))  # type: ignore[arg-type]
        return None if whole is None else whole[np.asarray(dataset.indices)]
    for values in _stored_values(dataset):
        try:
            array = as_array(values)
        except ValueError:  # ragged lists
            continue
        if array.shape == (length,) and array.dtype.kind in "iu":
            return array.astype(np.int64)
    return None


def _stored_values(dataset: Any) -> list[Any]:
    values = [getattr(dataset, name, None) for name in _STORED]
    columns = getattr(dataset, "column_names", None)
    key = _label_key(columns) if isinstance(columns, list | tuple) else None
    if key is not None:
        values.append(list(dataset[key]))
    return [value for value in values if isinstance(value, torch.Tensor | np.ndarray | list | tuple)]


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """Names of a data set's classes, in the order of its labels; None if unknown."""
    dataset = whole(dataset)
    names = getattr(dataset, "classes", None) or _feature_names(dataset)
    if not isinstance(names, list | tuple) or not names:
        return None
    # torchvision's ImageNet has tuples of synonyms.
    joined = [", ".join(name) if isinstance(name, tuple) else name for name in names]
    if not all(isinstance(name, str) for name in joined):
        return None
    # A data set may number its classes in another order than it lists them.
    indices = getattr(dataset, "class_to_idx", None)
    if isinstance(indices, dict) and len(set(joined)) == len(joined) and set(indices) == set(joined):
        table = {(place, indices[name]) for place, name in enumerate(joined)}
        return renamed(without_initials(tuple(joined)), table)
    return without_initials(tuple(joined))


def _feature_names(dataset: Any) -> Any:
    features = getattr(dataset, "features", None)
    key = _label_key(features) if isinstance(features, Mapping) else None
    if not isinstance(features, Mapping) or key is None:
        return None
    feature = features[key]
    return feature.get("names") if isinstance(feature, Mapping) else getattr(feature, "names", None)


def _label_key(keys: Mapping[Any, Any] | Sequence[Any]) -> str | None:
    return next((key for key in _LABEL_KEYS if key in keys), None)


def whole(dataset: Any) -> Any:
    """The data set of which a subset, or a subset of a subset, is taken."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset


def target_table(dataset: Any, names: tuple[str, ...] | None) -> set[tuple[int, object]]:
    """Pairs of a class and the label that the data set's target transform gives it."""
    transform = getattr(whole(dataset), "target_transform", None)
    labels = range(len(names or ()))
    if not callable(transform):
        return {(label, label) for label in labels}
    try:
        return {(label, int(transform(label))) for label in labels}
    # The transform may expect something else than a class index.
    except Exception:
        return set()


def renamed(names: tuple[str, ...] | None, table: set[tuple[int, object]]) -> tuple[str, ...] | None:
    """Names in the order of new labels; None unless these are a permutation of the old ones."""
    by_label = {label: old for old, label in table}
    every = set(range(0 if names is None else len(names)))
    if names is None or len(table) != len(every) or {*by_label} != every or {*by_label.values()} != every:
        return None
    return tuple(names[by_label[label]] for label in range(len(names)))
