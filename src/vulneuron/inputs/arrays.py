"""Images in one array."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from vulneuron.inputs.decoding import as_array, channels_first, check_pixels, scale
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.labels import DatasetLabels, as_labels
from vulneuron.inputs.preprocessing import Preprocessing

_BLOCK = 256


class ArraySource(ImageSource):
    """Images of one array, stored in their original dtype.

    Parameters
    ----------
    array
        ``(n, y, x)``, ``(n, y, x, channel)`` or ``(n, channel, y, x)``; see `decoding.to_pixels`.
    channels
        Input channels of the model.
    preprocessing
        Target size, for images of another size; None to use them unchanged.
    spec
        Description of the source; None for the type and shape of the array.
    labels
        One integer per image, or None.
    names
        Name of each label, or None.

    Raises
    ------
    ImagesError
        The shape, dtype or range of the pixels, or the labels, are invalid.
    """

    def __init__(
        self,
        array: np.ndarray | torch.Tensor,
        channels: int,
        preprocessing: Preprocessing | None,
        *,
        spec: str | None = None,
        labels: object = None,
        names: tuple[str, ...] | None = None,
    ) -> None:
        self.spec = spec or f"{type(array).__name__} {tuple(array.shape)}"
        self._array = channels_first(as_array(array), channels)
        self._channels, self._preprocessing = channels, preprocessing
        self.ids = [str(index) for index in range(len(self._array))]
        values = None if labels is None else as_labels(labels, len(self._array))
        self.own_labels = DatasetLabels(values, names)
        self.fingerprint = self._checked_fingerprint()
        _, height, width = self._decode(0).shape
        self.shape = (channels, height, width)

    def _checked_fingerprint(self) -> str:
        layout = f"{self._channels}|{self._preprocessing}|{self._array.dtype}|{self._array.shape}"
        digest = hashlib.sha256(layout.encode())
        for start in range(0, len(self._array), _BLOCK):
            block = self._array[start : start + _BLOCK]
            check_pixels(block)
            digest.update(np.ascontiguousarray(block).data)
        return digest.hexdigest()

    def _decode(self, index: int) -> np.ndarray:
        pixels = scale(self._array[index])
        if len(pixels) == 1:
            pixels = pixels.repeat(self._channels, axis=0)
        return pixels if self._preprocessing is None else self._preprocessing.apply_array(pixels)

    def _decoded(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        return map(self._decode, indices)
