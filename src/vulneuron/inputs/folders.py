"""Folders of image files: one sub-folder a class, or flat and without labels."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.decoding import decode_file, open_image, pil_to_pixels
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.labels import FoundLabels
from vulneuron.inputs.preprocessing import Preprocessing

SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
_MOST_THREADS = 8


@dataclass(frozen=True)
class _File:
    name: str  # path in the folder, with forward slashes
    size: int


class FolderSource(ImageSource):
    """Image files of a folder, decoded by several threads.

    Sub-folders are classes, with all that is in them at any depth; images directly in the folder have no
    labels. Hidden files and files that are no images are left out. The order is that of torchvision's
    ``ImageFolder``.

    Parameters
    ----------
    root
        The folder.
    channels
        3 for RGB, 1 for grey-scale.
    preprocessing
        Size to bring the images to; None if they all have the same.

    Raises
    ------
    ImagesError
        There is no such folder, it has no images, it mixes images and class folders, or its first image
        cannot be decoded.

    Notes
    -----
    The fingerprint covers names and sizes of the files: a copy has the same, an edit that keeps the number of
    bytes goes unnoticed.
    """

    def __init__(self, root: Path, channels: int, preprocessing: Preprocessing | None) -> None:
        self.spec = str(root)
        self._root, self._channels, self._preprocessing = root, channels, preprocessing
        files, self.found = _list_images(root)
        self.ids = [file.name for file in files]
        digest = hashlib.sha256(f"{channels}|{preprocessing}".encode())
        for file in files:
            digest.update(f"|{file.name}|{file.size}".encode(errors="surrogateescape"))
        self.fingerprint = digest.hexdigest()
        _, height, width = self._decode(0).shape
        self.shape = (channels, height, width)

    def _decode(self, index: int) -> np.ndarray:
        path = self._root / self.ids[index]
        if self._preprocessing is None:
            return decode_file(path, self._channels)
        return pil_to_pixels(self._preprocessing.apply_pil(open_image(path, self._channels)), self._channels)

    def _decoded(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
            yield from pool.map(self._decode, indices)


def _list_images(root: Path) -> tuple[list[_File], FoundLabels]:
    try:
        here, folders = _scan(root)
        below = {
            folder.name: list(_walk(Path(folder), f"{folder.name}/", (_identity(root),)))
            for folder in folders
        }
    except OSError as error:
        raise ImagesError(
            f"given the folder {str(root)!r}, which cannot be read ({one_line(error)})",
            allowed="a folder that you may read",
            fix="Check path and permissions",
        ) from error
    nested = any(below.values())
    if here and nested:
        full = next(name for name, files in below.items() if files)
        raise ImagesError(
            f"given the folder {str(root)!r}, which mixes {len(here)} images and the class folder {full!r}",
            allowed="either one sub-folder a class, or images alone",
            fix="Move the images that lie directly in the folder",
        )
    if not here and not nested:
        raise ImagesError(
            f"given the folder {str(root)!r}, which holds no images",
            allowed=f"images ({', '.join(sorted(SUFFIXES))}), or one sub-folder of them a class",
            fix="Check the path",
        )
    if here:
        return here, FoundLabels()
    values = np.repeat(np.arange(len(below)), [len(files) for files in below.values()])
    labels = FoundLabels(values.astype(np.int64), tuple(below), are_folders=True)
    return [file for files in below.values() for file in files], labels


def _scan(folder: Path, prefix: str = "") -> tuple[list[_File], list["os.DirEntry[str]"]]:
    """Images and sub-folders directly in a folder, both sorted by name."""
    with os.scandir(folder) as entries:
        visible = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    files = [
        _File(prefix + entry.name, entry.stat().st_size)
        for entry in visible
        if Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file()
    ]
    return files, [entry for entry in visible if entry.is_dir()]


def _walk(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[_File]:
    here = _identity(folder)
    # A link to a folder that contains it would be walked for ever.
    if here in above:
        return
    files, folders = _scan(folder, prefix)
    yield from files
    for entry in folders:
        yield from _walk(Path(entry), f"{prefix}{entry.name}/", (*above, here))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
