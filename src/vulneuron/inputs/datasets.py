"""Map-style data sets: objects with ``len(dataset)`` and ``dataset[index]``."""

import hashlib
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Subset

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.decoding import as_array, as_mode, pil_to_pixels, to_pixels
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.labels import DatasetLabels
from vulneuron.inputs.preprocessing import Preprocessing

_ALLOWED = (
    "a map-style data set (len and indexing) of images or (image, label) pairs; images as PIL images, or as "
    "arrays or tensors of uint8 or of floats in [0, 1]"
)
_SAMPLES = 8
_SAMPLED_CLASSES = 64


class DatasetSource(ImageSource):
    """Images of a map-style data set, read sequentially, because a user's data set may not be thread-safe.

    Labels come from the attribute ``targets`` or ``labels`` if it agrees with the items, otherwise from one
    pass over all items.

    Parameters
    ----------
    dataset
        The data set.
    channels
        Input channels of the model.
    preprocessing
        Resizing and cropping of the images; None to use them unchanged.
    spec
        Description of the source; by default the class name of the data set.

    Raises
    ------
    ImagesError
        If it is not a map-style data set, is empty, returns different pixels each time, or has items that
        are not images.

    Notes
    -----
    The fingerprint covers the number of images and the pixels of a few of them.
    """

    def __init__(
        self,
        dataset: Any,
        channels: int,
        preprocessing: Preprocessing | None,
        *,
        spec: str | None = None,
    ) -> None:
        self.spec = spec or type(dataset).__name__
        self._dataset, self._channels, self._preprocessing = dataset, channels, preprocessing
        self.ids = [str(index) for index in range(_checked_length(dataset))]
        samples = np.unique(np.linspace(0, len(self) - 1, min(len(self), _SAMPLES)).astype(int))
        self.fingerprint = self._digest(samples)
        if self.fingerprint != self._digest(samples):
            raise ImagesError(
                f"given {self.spec}, which returns different pixels each time an image is read",
                allowed="data sets without random transforms",
                fix="use the evaluation transform, not the training transform",
            )
        _, height, width = self._decode(0).shape
        self.shape = (channels, height, width)
        self.own_labels = self._labels(samples)

    def _digest(self, samples: np.ndarray) -> str:
        digest = hashlib.sha256(f"{self._channels}|{self._preprocessing}|{len(self)}".encode())
        for index in samples:
            digest.update(np.ascontiguousarray(self._decode(int(index))).data)
        return digest.hexdigest()

    def _labels(self, samples: np.ndarray) -> DatasetLabels:
        names = _class_names(self._dataset)
        if self._item(0)[1] is None:
            return DatasetLabels(None, names)
        stored = _stored_labels(self._dataset, len(self))
        if stored is None:
            values = np.array([self._label(index) for index in range(len(self))], dtype=np.int64)
            return DatasetLabels(values, _renamed(names, _target_table(self._dataset, names)))
        # Items may differ from the stored labels, for example through a target transform.
        _, firsts = np.unique(stored, return_index=True)
        samples = np.union1d(samples, firsts[:_SAMPLED_CLASSES])
        if all(self._label(int(index)) == stored[index] for index in samples):
            return DatasetLabels(stored, names)
        values = np.array([self._label(index) for index in range(len(self))], dtype=np.int64)
        return DatasetLabels(values, _renamed(names, set(zip(stored.tolist(), values.tolist(), strict=True))))

    def _item(self, index: int) -> tuple[Any, Any]:
        try:
            item = self._dataset[index]
        # User code can raise anything.
        except Exception as error:
            raise ImagesError(
                f"given {self.spec}, whose item {index} raised {one_line(error)}",
                allowed=_ALLOWED,
                fix=f"fix the data set; evaluate dataset[{index}] in Python to see where it fails",
            ) from error
        if isinstance(item, tuple | list) and item:
            return item[0], item[1] if len(item) > 1 else None
        return item, None

    def _label(self, index: int) -> int:
        label = self._item(index)[1]
        if isinstance(label, torch.Tensor | np.ndarray) and as_array(label).size == 1:
            label = label.item()
        if not isinstance(label, Integral):
            raise ImagesError(
                f"given {self.spec}, whose item {index} has the label {_described(label)}",
                allowed="integers",
                fix="use class indices as labels",
            )
        return int(label)

    def _decode(self, index: int) -> np.ndarray:
        image = self._item(index)[0]
        if isinstance(image, Image.Image):
            image = as_mode(image, self._channels)
            if self._preprocessing is not None:
                image = self._preprocessing.apply_pil(image)
            return pil_to_pixels(image, self._channels)
        if not isinstance(image, torch.Tensor | np.ndarray) or image.ndim not in (2, 3):
            shape = f" of shape {tuple(image.shape)}" if hasattr(image, "shape") else ""
            raise ImagesError(
                f"given {self.spec}, whose item {index} has a {type(image).__name__}{shape} as its image",
                allowed=_ALLOWED,
                fix="wrap it in a data set that returns (image, label)",
            )
        array = as_array(image)
        try:
            pixels: np.ndarray = to_pixels(
                array[None, None] if array.ndim == 2 else array[None], self._channels
            )[0]
        except ImagesError as error:
            raise ImagesError(
                f"in item {index} of {self.spec}: {error.given}", allowed=error.allowed, fix=error.fix
            ) from error
        return pixels if self._preprocessing is None else self._preprocessing.apply_array(pixels)

    def _decoded(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        return map(self._decode, indices)


def _checked_length(dataset: Any) -> int:
    try:
        length = len(dataset) if hasattr(dataset, "__getitem__") else 0
    # Raised by data sets of unknown length.
    except (TypeError, NotImplementedError):
        length = 0
    if length == 0:
        raise ImagesError(
            f"given images as {type(dataset).__name__}, which is empty or not a map-style data set",
            allowed=f"{_ALLOWED}; or an array, a tensor, or (images, labels)",
            fix="for a DataLoader, give its .dataset; save anything else to a folder or an .npz file",
        )
    return length


def _described(label: object) -> str:
    # One-hot labels of many classes are long.
    if isinstance(label, torch.Tensor | np.ndarray):
        return f"{label.dtype} {tuple(label.shape)}"
    return reprlib.repr(label)


def _stored_labels(dataset: Any, length: int) -> np.ndarray | None:
    if isinstance(dataset, Subset):
        whole = _stored_labels(dataset.dataset, len(dataset.dataset))  # type: ignore[arg-type]
        return None if whole is None else whole[np.asarray(dataset.indices)]
    for name in ("targets", "labels"):
        values = getattr(dataset, name, None)
        if not isinstance(values, torch.Tensor | np.ndarray | list | tuple):
            continue
        try:
            array = as_array(values)
        except ValueError:  # ragged lists
            continue
        if array.shape == (length,) and array.dtype.kind in "iu":
            return array.astype(np.int64)
    return None


def _whole(dataset: Any) -> Any:
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset


def _class_names(dataset: Any) -> tuple[str, ...] | None:
    dataset = _whole(dataset)
    names = getattr(dataset, "classes", None)
    if not isinstance(names, list | tuple) or not names:
        return None
    # torchvision's ImageNet has tuples of synonyms.
    joined = [", ".join(name) if isinstance(name, tuple) else name for name in names]
    if not all(isinstance(name, str) for name in joined):
        return None
    # A data set may number its classes in another order than it lists them.
    indices = getattr(dataset, "class_to_idx", None)
    if isinstance(indices, dict) and len(set(joined)) == len(joined) and set(indices) == set(joined):
        return _renamed(tuple(joined), {(place, indices[name]) for place, name in enumerate(joined)})
    return tuple(joined)


def _target_table(dataset: Any, names: tuple[str, ...] | None) -> set[tuple[int, object]]:
    """Pairs of a class and the label that the data set's target transform gives it."""
    transform = getattr(_whole(dataset), "target_transform", None)
    labels = range(len(names or ()))
    if not callable(transform):
        return {(label, label) for label in labels}
    try:
        return {(label, int(transform(label))) for label in labels}
    # The transform may expect something else than a class index.
    except Exception:
        return set()


def _renamed(names: tuple[str, ...] | None, table: Iterable[tuple[int, object]]) -> tuple[str, ...] | None:
    """Names in the order of new labels; None unless these are a permutation of the old ones."""
    by_label = {label: old for old, label in table}
    old_labels = set(by_label.values())
    count = 0 if names is None else len(names)
    if (
        names is None
        or len(set(table)) != count
        or {*by_label} != {*range(count)}
        or old_labels != {*range(count)}
    ):
        return None
    return tuple(names[by_label[label]] for label in range(count))
