"""Image files in a folder, read by several threads."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.decoding import check_file, decode_file, open_image, pil_to_pixels
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.preprocessing import Preprocessing

SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
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
    ids
        Paths of the files relative to the folder, with forward slashes.
    channels
        3 for RGB, 1 for gray-scale.
    preprocessing
        Target size; None if all images have the same size.
    """

    def __init__(
        self, root: Path, ids: Sequence[str], channels: int, preprocessing: Preprocessing | None
    ) -> None:
        self.spec, self.ids = str(root), ids
        self._root, self._channels, self._preprocessing = root, channels, preprocessing
        self._pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1))

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]  # mypy considers it read-only
        """Hash of names and contents, equal for copies of the folder; reads every file once."""
        digest = hashlib.sha256(f"{self._channels}|{self._preprocessing}".encode())
        for name, content in zip(self.ids, self._map(self._digest, self.ids), strict=True):
            digest.update(b"|%b|%b" % (os.fsencode(name), content))
        return digest.hexdigest()

    def check(self, indices: Sequence[int] | np.ndarray) -> None:
        """Open every file and read its header; see `ImageSource.check`."""
        names = [self.ids[int(index)] for index in indices]
        faults = [fault for fault in self._map(self._fault, names) if fault is not None]
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise ImagesError(
                f"{faults[0].given}; {len(faults) - 1} more of {len(names)} images cannot be opened either",
                allowed=faults[0].allowed,
                fix="repair the files or remove them",
            )

    def _map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        # In blocks, as waiting tasks take memory, and a folder may have millions of images.
        for start in range(0, len(items), _MAX_TASKS):
            yield from self._pool.map(function, items[start : start + _MAX_TASKS])

    def _fault(self, name: str) -> ImagesError | None:
        try:
            check_file(self._root / name)
        except ImagesError as error:
            return error
        return None

    def _digest(self, name: str) -> bytes:
        path = self._root / name
        try:
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").digest()
        except OSError as error:
            raise unreadable(path, error) from error

    def _decode(self, index: int) -> np.ndarray:
        path = self._root / self.ids[index]
        if self._preprocessing is None:
            return decode_file(path, self._channels)
        return pil_to_pixels(self._preprocessing.apply_pil(open_image(path, self._channels)), self._channels)

    def _decoded(self, indices: Sequence[int]) -> Iterable[np.ndarray]:
        return self._map(self._decode, indices)


def scan(folder: Path, prefix: str = "") -> tuple[list[str], list["os.DirEntry[str]"]]:
    """Images (by name) and sub-folders directly in a folder, both sorted.

    Hidden files and files that are not images are skipped.
    """
    with os.scandir(folder) as entries:
        visible = sorted(
            (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name
        )
    names = [
        prefix + entry.name
        for entry in visible
        if Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file()
    ]
    return names, [entry for entry in visible if entry.is_dir()]


def walk(folder: Path, prefix: str = "", above: tuple[tuple[int, int], ...] = ()) -> Iterator[str]:
    """Names of all images in a folder at any depth, with forward slashes; follows links to folders."""
    here = identity(folder)
    # A link to one of its parents would be followed forever.
    if here in above:
        return
    names, folders = scan(folder, prefix)
    yield from names
    for entry in folders:
        yield from walk(Path(entry), f"{prefix}{entry.name}/", (*above, here))


def identity(folder: Path) -> tuple[int, int]:
    """Device and inode of a folder, equal for all links to it."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def unreadable(path: Path, error: OSError) -> ImagesError:
    """Error for a file or folder that cannot be read."""
    return ImagesError(
        f"given {str(path)!r}, which cannot be read ({one_line(error)})",
        allowed="readable files and folders",
        fix="check path and permissions",
    )
