"""Arrays of ``.npz`` files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vulneuron.errors import ImagesError, one_line


def read_npz(path: Path, images: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read images, and what else there is beside them, from an ``.npz`` file.

    Parameters
    ----------
    path
        The file.
    images
        Names that the array of images may have; the first one that is there is read.
    optional
        Names of arrays that are read where they are there.

    Returns
    -------
    dict
        The images as ``images``, whatever their name in the file, and the optional arrays by their names.

    Raises
    ------
    ImagesError
        The file is damaged, has no images, or holds pickled objects, which are not loaded.
    """
    also = f" and, optionally, {' and '.join(optional)}" if optional else ""
    allowed = f"an .npz file with the array {' or '.join(images)}{also}"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            found = list(file.files)
            arrays = {name: np.asarray(file[name]) for name in optional if name in found}
            chosen = next((name for name in images if name in found), None)
            if chosen is not None:
                arrays["images"] = np.asarray(file[chosen])
    # NumPy raises what zipfile, zlib and its own header parser raise; ValueError for objects.
    except Exception as error:
        raise ImagesError(
            f"given {str(path)!r}, which cannot be read ({one_line(error)})",
            allowed=f"{allowed}, no Python objects",
            fix="Save plain arrays with numpy.savez",
        ) from error
    if "images" not in arrays:
        raise ImagesError(
            f"given {str(path)!r} with the arrays {', '.join(found) or 'none'}",
            allowed=allowed,
            fix=f"Save it with numpy.savez(path, {images[0]}=...)",
        )
    return arrays
