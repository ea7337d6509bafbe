"""Folders of image files: one sub-folder per class, or flat and without labels."""

import unicodedata
from pathlib import Path, PurePosixPath

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.class_name_files import without_initials
from vulneuron.inputs.files import FileSource
from vulneuron.inputs.label_tables import read_label_table
from vulneuron.inputs.labels import DatasetLabels
from vulneuron.inputs.listing import (
    Listing,
    displayed,
    identity,
    merged,
    scan,
    unreadable,
    walk,
)
from vulneuron.inputs.preprocessing import Preprocessing


class FolderSource(FileSource):
    """Image files of a folder.

    Each sub-folder is a class, with all images in it at any depth; images directly in the folder have the
    labels of a table (``labels.csv``), or none. Hidden files are skipped; files that Pillow cannot read are
    named in a note. The order is that of torchvision's ``ImageFolder``.

    Parameters
    ----------
    root, channels, preprocessing
        As in `FileSource`.

    Raises
    ------
    ImagesError
        The folder does not exist, has no images, mixes images with class folders, or none of its images can
        be decoded.
    """

    def __init__(self, root: Path, channels: int, preprocessing: Preprocessing | None) -> None:
        listing, self.own_labels = _list_images(root)
        table = read_label_table(root, listing.images) if self.own_labels.values is None else None
        notes: tuple[str, ...] = ()
        if table is not None:
            self.own_labels, note = table
            notes = (note,)
        super().__init__(root, listing.images, channels, preprocessing)
        self.notes = (*listing.notes(), *notes)
        self.shape = self.decoded_shape()


def _list_images(root: Path) -> tuple[Listing, DatasetLabels]:
    try:
        here, folders = scan(root)
        above = (identity(root),)
        below = {folder.name: walk(Path(folder), f"{folder.name}/", above) for folder in folders}
    except OSError as error:
        raise unreadable(root, error) from error
    class_folders = [name for name, listing in below.items() if listing.images]
    listing = merged([here, *below.values()])
    if here.images and class_folders:
        raise ImagesError(
            f"given the folder {displayed(str(root))!r}, which mixes {len(here.images)} images with the "
            f"class folder {displayed(class_folders[0])!r}",
            allowed="either one sub-folder per class, or only images",
            fix="move the images that are directly in the folder",
        )
    if not listing.images:
        left_out = "".join(f" ({note.rstrip('.')})" for note in listing.notes())
        raise ImagesError(
            f"given the folder {displayed(str(root))!r}, which contains no images{left_out}",
            allowed="images that Pillow reads (.jpg, .png, .webp, ...), or one sub-folder of them per class",
            fix="convert the images to PNG" if left_out else "check the path",
        )
    if here.images:
        return listing, DatasetLabels()
    values = np.repeat(np.arange(len(below)), [len(files.images) for files in below.values()])
    names = tuple(_class_name(name) for name in below)
    innermost = _innermost(listing.images)
    return listing, DatasetLabels(values.astype(np.int64), names, are_folders=True, nested=innermost)


def _innermost(files: list[str]) -> DatasetLabels | None:
    """Labels by the folders that contain the images; None if these are the sub-folders."""
    parents = [str(PurePosixPath(name).parent) for name in files]
    if not any("/" in parent for parent in parents):
        return None
    names, values = np.unique(np.array(parents, dtype=object), return_inverse=True)
    classes = without_initials(tuple(_class_name(name) for name in names))
    return DatasetLabels(values.astype(np.int64), classes, are_folders=True)


def _class_name(folder: str) -> str:
    # File systems of macOS decompose accented letters.
    return unicodedata.normalize("NFC", displayed(folder))
