"""Folders of image files: one sub-folder per class, or flat and without labels."""

from pathlib import Path

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.files import SUFFIXES, FileSource, identity, scan, unreadable, walk
from vulneuron.inputs.labels import DatasetLabels
from vulneuron.inputs.preprocessing import Preprocessing


class FolderSource(FileSource):
    """Image files of a folder.

    Each sub-folder is a class, with all images in it at any depth; images directly in the folder have no
    labels. Hidden files and files that are not images are skipped. The order is that of torchvision's
    ``ImageFolder``.

    Parameters
    ----------
    root, channels, preprocessing
        As in `FileSource`.

    Raises
    ------
    ImagesError
        The folder does not exist, has no images, mixes images with class folders, or its first image cannot
        be decoded.
    """

    def __init__(self, root: Path, channels: int, preprocessing: Preprocessing | None) -> None:
        names, self.own_labels = _list_images(root)
        super().__init__(root, names, channels, preprocessing)
        _, height, width = self._decode(0).shape
        self.shape = (channels, height, width)


def _list_images(root: Path) -> tuple[list[str], DatasetLabels]:
    try:
        here, folders = scan(root)
        above = (identity(root),)
        below = {folder.name: list(walk(Path(folder), f"{folder.name}/", above)) for folder in folders}
    except OSError as error:
        raise unreadable(root, error) from error
    nested = any(below.values())
    if here and nested:
        class_folder = next(name for name, files in below.items() if files)
        raise ImagesError(
            f"given the folder {str(root)!r}, which mixes {len(here)} images with the class folder "
            f"{class_folder!r}",
            allowed="either one sub-folder per class, or only images",
            fix="move the images that are directly in the folder",
        )
    if not here and not nested:
        raise ImagesError(
            f"given the folder {str(root)!r}, which contains no images",
            allowed=f"images ({', '.join(sorted(SUFFIXES))}), or one sub-folder of them per class",
            fix="check the path",
        )
    if here:
        return here, DatasetLabels()
    values = np.repeat(np.arange(len(below)), [len(files) for files in below.values()])
    labels = DatasetLabels(values.astype(np.int64), tuple(below), are_folders=True)
    return [name for names in below.values() for name in names], labels
