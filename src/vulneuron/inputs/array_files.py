"""Images and labels in files of arrays, also in several splits as in MedMNIST's and Keras' files."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.arrays import ArraySource
from vulneuron.inputs.preprocessing import Preprocessing
from vulneuron.inputs.saved_arrays import read_arrays

_IMAGES, _LABELS = ("images", "x", "X", "data"), ("labels", "y", "targets")
# "test_images" and "test_labels" in MedMNIST's files, "x_test" and "y_test" in those of Keras.
_SPLIT = re.compile(r"(?P<before>\w+)_(?:images|labels)|[xXy]_(?P<after>\w+)")
_PREFERRED = ("test", "val", "valid")


def open_array_file(
    path: Path, split: str | None, channels: int, preprocessing: Preprocessing | None
) -> ArraySource:
    """Open a file with the array ``images`` and, optionally, ``labels`` and ``class_names``.

    Parameters
    ----------
    path
        An ``.npz``, ``.npy``, ``.pt`` or ``.safetensors`` file. The arrays may be called ``x`` and ``y``, or
        have a split in their names: ``test_images``, ``test_labels``, or ``x_test``, ``y_test``.
    split
        The split, if the file has several; None for the test set.
    channels, preprocessing
        As in `ArraySource`.

    Raises
    ------
    ImagesError
        The file is damaged, has no images or no such split, or contains pickled objects, which are never
        loaded.
    """
    # The names are needed to know the splits.
    names = read_arrays(path, lambda name: False).names
    named = {part for part in map(_split, names) if part is not None}
    splits = sorted(part for part in named if _pick(names, _IMAGES, part))
    plain = _pick(names, _IMAGES, None)
    if split is None and plain is None and splits:
        split = next((name for name in _PREFERRED if name in splits), splits[0])
    image_name = _pick(names, _IMAGES, split)
    if image_name is None:
        also = f", or ?split={', ?split='.join(splits)}" if splits else ""
        wanted = f" and the split {split!r}" if split else ""
        raise ImagesError(
            f"given {str(path)!r} with the arrays {', '.join(names) or 'none'}{wanted}",
            allowed="a file with the array images and, optionally, labels and class_names" + also,
            fix="save it with numpy.savez(path, images=...)",
        )
    label_name = _pick(names, _LABELS, split)
    saved = read_arrays(path, {image_name, label_name, "class_names"}.__contains__)
    source = ArraySource(
        saved.arrays[image_name],
        channels,
        preprocessing,
        spec=str(path) if split is None else f"{path}?split={split}",
        labels=saved.arrays.get(label_name or ""),
        names=_names(saved.arrays, path),
    )
    if len(splits) > 1 and plain is None:
        source.notes = (f"The images are those of the split {split}, out of {', '.join(splits)}.",)
    return source


def _split(name: str) -> str | None:
    match = _SPLIT.fullmatch(name)
    return None if match is None else match["before"] or match["after"]


def _pick(names: tuple[str, ...], kinds: tuple[str, ...], split: str | None) -> str | None:
    candidates = [
        name
        for kind in kinds
        for name in ((kind,) if split is None else (f"{split}_{kind}", f"{kind}_{split}"))
    ]
    return next((name for name in candidates if name in names), None)


def _names(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[str, ...] | None:
    names = arrays.get("class_names")
    if names is None:
        return None
    if names.ndim != 1 or names.dtype.kind != "U":
        raise ImagesError(
            f"given class_names of shape {names.shape} and dtype {names.dtype} in {str(path)!r}",
            allowed="one string per class",
            fix="save them with class_names=numpy.array(['a', 'b'])",
        )
    return tuple(names.tolist())
