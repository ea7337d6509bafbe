"""Reads arrays from ``.npz`` files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vulneuron.errors import ImagesError, one_line


def read_npz(path: Path, images: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read images and optional arrays from an ``.npz`` file.

    Parameters
    ----------
    path
        The file.
    images
        Possible names of the image array; the first one present is read.
    optional
        Names of arrays to read if present.

    Returns
    -------
    dict
        The images as ``images``, whatever their name in the file, and the optional arrays by name.

    Raises
    ------
    ImagesError
        The file is damaged, has no images, or contains pickled objects, which are never loaded.
    """
    also = f" and, optionally, {' and '.join(optional)}" if optional else ""
    allowed = f"an .npz file with the array {' or '.join(images)}{also}"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            names = list(file.files)
            arrays = {name: np.asarray(file[name]) for name in optional if name in names}
            image_name = next((name for name in images if name in names), None)
            if image_name is not None:
                arrays["images"] = np.asarray(file[image_name])
    # Errors of zipfile, zlib and NumPy's header parser; ValueError for objects.
    except Exception as error:
        raise ImagesError(
            f"given {str(path)!r}, which cannot be read ({one_line(error)})",
            allowed=f"{allowed}, no Python objects",
            fix="save plain arrays with numpy.savez",
        ) from error
    if "images" not in arrays:
        raise ImagesError(
            f"given {str(path)!r} with the arrays {', '.join(names) or 'none'}",
            allowed=allowed,
            fix=f"save it with numpy.savez(path, {images[0]}=...)",
        )
    return arrays
