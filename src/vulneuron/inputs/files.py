"""Image files in a folder, read by several threads."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.decoding import check_channels, check_file, decode_file, open_image, pil_to_pixels
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.listing import displayed
from vulneuron.inputs.preprocessing import Preprocessing

_MAX_THREADS = 8
_MAX_TASKS = 1024

T = TypeVar("T")
R = TypeVar("R")


class FileSource(ImageSource):
    """Image files in a folder; a subclass selects them, and sets ``shape`` and ``own_labels``.

    Parameters
    ----------
    root
        The folder.
    files
        Paths of the files relative to the folder, with forward slashes; ``ids`` has them as valid Unicode.
    channels
        3 for RGB, 1 for gray-scale.
    preprocessing
        Target size; None if all images have the same size.
    """

    def __init__(
        self, root: Path, files: Sequence[str], channels: int, preprocessing: Preprocessing | None
    ) -> None:
        check_channels(channels)
        self.spec, self.ids = displayed(str(root)), [displayed(name) for name in files]
        self._files = files
        self._root, self._channels, self._preprocessing = root, channels, preprocessing
        self._pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1))

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]  # mypy considers it read-only
        """Hash of names and contents, equal for copies of the folder; reads every file once."""
        digest = hashlib.sha256(f"{self._channels}|{self._preprocessing}".encode())
        for name, content in zip(self._files, self._map(self._digest, self._files), strict=True):
            digest.update(b"|%b|%b" % (os.fsencode(name), content))
        return digest.hexdigest()

    def faults(self, indices: Sequence[int] | np.ndarray) -> Mapping[int, ImagesError]:
        """Check every file, but decode only those that may be damaged; see `ImageSource.faults`.

        Raises
        ------
        ImagesError
            An image has another size than the others, and there is no target size.
        """
        positions = [int(index) for index in indices]
        faults = zip(positions, self._map(self._fault, positions), strict=True)
        return {position: fault for position, fault in faults if fault is not None}

    def decoded_shape(self) -> tuple[int, int, int]:
        """Shape ``(channel, y, x)`` of the first image that can be decoded.

        Raises
        ------
        ImagesError
            None of them can be decoded; the error of the first one.
        """
        first: ImagesError | None = None
        for index in range(len(self)):
            try:
                _, height, width = self._decode(index).shape
            except ImagesError as error:
                first = first or error
            else:
                return self._channels, height, width
        raise first or ImagesError("given no images", allowed="at least one image", fix="check the path")

    def _map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        # In blocks, as waiting tasks take memory, and a folder may have millions of images.
        for start in range(0, len(items), _MAX_TASKS):
            yield from self._pool.map(function, items[start : start + _MAX_TASKS])

    def _fault(self, index: int) -> ImagesError | None:
        try:
            height, width = check_file(self._root / self._files[index], self._channels)
        except ImagesError as error:
            return error
        if self._preprocessing is None and (height, width) != self.shape[1:]:
            raise self._size_error(self.ids[index], (self._channels, height, width))
        return None

    def _digest(self, name: str) -> bytes:
        try:
            with (self._root / name).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").digest()
        # Such a file cannot be decoded, either.
        except OSError as error:
            return type(error).__name__.encode()

    def _decode(self, index: int) -> np.ndarray:
        path = self._root / self._files[index]
        if self._preprocessing is None:
            return decode_file(path, self._channels)
        return pil_to_pixels(self._preprocessing.apply_pil(open_image(path, self._channels)), self._channels)

    def _decoded(self, indices: Sequence[int]) -> Iterable[np.ndarray]:
        return self._map(self._decode, indices)
