"""Map-style data sets: objects with ``len(dataset)`` and ``dataset[index]``."""

import hashlib
import reprlib
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from PIL import Image

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.dataset_rows import (
    class_names,
    image_and_label,
    renamed,
    stored_labels,
    target_table,
)
from vulneuron.inputs.decoding import as_array, as_mode, pil_to_pixels, to_pixels
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.label_tables import labels_from_texts
from vulneuron.inputs.labels import DatasetLabels
from vulneuron.inputs.preprocessing import Preprocessing

_ALLOWED = (
    "a map-style data set (len and indexing) of images, (image, label) pairs, or dicts of image and label; "
    "images as PIL images, encoded files, or arrays or tensors of uint8 or of floats in [0, 1]"
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
        names = class_names(self._dataset)
        if self._item(0)[1] is None:
            return DatasetLabels(None, names)
        stored = stored_labels(self._dataset, len(self))
        if stored is None:
            values = [self._label(index) for index in range(len(self))]
            return _labels_of_items(values, names, target_table(self._dataset, names))
        # Items may differ from the stored labels, for example through a target transform.
        _, firsts = np.unique(stored, return_index=True)
        samples = np.union1d(samples, firsts[:_SAMPLED_CLASSES])
        if all(self._label(int(index)) == stored[index] for index in samples):
            return DatasetLabels(stored, names)
        values = [self._label(index) for index in range(len(self))]
        return _labels_of_items(values, names, set(zip(stored.tolist(), values, strict=True)))

    def _item(self, index: int) -> tuple[Any, Any]:
        try:
            return image_and_label(self._dataset[index])
        # User code can raise anything.
        except Exception as error:
            raise ImagesError(
                f"given {self.spec}, whose item {index} raised {one_line(error)}",
                allowed=_ALLOWED,
                fix=f"fix the data set; evaluate dataset[{index}] in Python to see where it fails",
            ) from error

    def _label(self, index: int) -> int | str:
        label = self._item(index)[1]
        if isinstance(label, torch.Tensor | np.ndarray) and as_array(label).size == 1:
            label = label.item()
        if isinstance(label, str):
            return label
        if not isinstance(label, Integral):
            raise ImagesError(
                f"given {self.spec}, whose item {index} has the label {_described(label)}",
                allowed="integers, or names of classes",
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


def _labels_of_items(
    values: Sequence[int | str], names: tuple[str, ...] | None, table: set[tuple[int, object]]
) -> DatasetLabels:
    if any(isinstance(value, str) for value in values):
        return labels_from_texts([str(value) for value in values])
    return DatasetLabels(np.array(values, dtype=np.int64), renamed(names, table))


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
