"""Opens images from folders, arrays, data sets and spec strings."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from vulneuron.errors import ImagesError
from vulneuron.inputs.array_files import open_array_file
from vulneuron.inputs.arrays import ArraySource
from vulneuron.inputs.datasets import DatasetSource
from vulneuron.inputs.folders import FolderSource
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.packed_images import PACKED_FILES, ParquetRows, Shards, packed_paths
from vulneuron.inputs.preprocessing import Preprocessing
from vulneuron.inputs.saved_arrays import ARRAY_FILES
from vulneuron.inputs.specs import parse_spec
from vulneuron.inputs.userfile import call_function


def open_images(
    source: object, *, channels: int = 3, preprocessing: Preprocessing | None = None
) -> ImageSource:
    """Open images; `ImageSource.labeled` maps their labels to a model's outputs.

    Parameters
    ----------
    source
        - a folder with one sub-folder per class, or with images directly in it, and optionally a table of
          their labels, ``labels.csv``, in or beside the folder;
        - an ``.npz``, ``.npy``, ``.pt`` or ``.safetensors`` file with ``images`` and, optionally, ``labels``
          and ``class_names``, or with several splits: ``FILE?split=test``;
        - a ``.parquet`` file of encoded images, or WebDataset's shards ``shard-{000..012}.tar``;
        - ``torchvision:NAME?root=DIR[&split=S][&download=true]``;
        - ``PATH.py:FUNCTION``, a function without arguments that returns one of the following;
        - a map-style data set of images, (image, label) pairs, or dicts as in Hugging Face's data sets;
        - an array or tensor of images, or a tuple (images, labels).
    channels
        Input channels of the model.
    preprocessing
        Target size; None if all images have the model's input size.

    Raises
    ------
    ImagesError
        There are no images, or the source is not one of these.
    """
    if isinstance(source, str | Path):
        return _open_spec(source, channels, preprocessing)
    return _open_object(source, channels, preprocessing, None)


def _open_object(
    source: Any, channels: int, preprocessing: Preprocessing | None, spec: str | None
) -> ImageSource:
    labels = None
    if isinstance(source, tuple) and len(source) == 2:
        source, labels = source
    if isinstance(source, np.ndarray | torch.Tensor):
        return ArraySource(source, channels, preprocessing, spec=spec, labels=labels)
    if labels is not None:
        raise ImagesError(
            f"given a tuple of {type(source).__name__} and {type(labels).__name__}",
            allowed="(images, labels), the images as one array or tensor",
            fix="stack the images into one array",
        )
    return DatasetSource(source, channels, preprocessing, spec=spec)


def _open_spec(source: str | Path, channels: int, preprocessing: Preprocessing | None) -> ImageSource:
    text = str(source)
    if text.startswith("torchvision:"):
        from vulneuron.inputs.torchvision_datasets import open_torchvision  # noqa: PLC0415  slow to import

        return DatasetSource(open_torchvision(text), channels, preprocessing, spec=text)
    if ".py:" in text:
        return _open_object(call_function(text, ImagesError), channels, preprocessing, text)
    path = Path(source).expanduser()
    file, split = _file_and_split(text)
    if file.suffix.lower() in ARRAY_FILES and file.is_file():
        return open_array_file(file, split, channels, preprocessing)
    packed = packed_paths(text) if path.suffix.lower() in PACKED_FILES else []
    if any(file.is_file() for file in packed):
        rows = Shards(packed) if path.suffix.lower() == ".tar" else ParquetRows(path)
        return DatasetSource(rows, channels, preprocessing, spec=text)
    if path.is_dir():
        return FolderSource(path, channels, preprocessing)
    raise ImagesError(
        f"given images {text!r}, which {'is a file' if path.exists() else 'does not exist'}",
        allowed="a folder of images or of class folders, an .npz, .npy, .pt or .safetensors file, "
        "torchvision:NAME?root=DIR&split=S, or PATH.py:FUNCTION",
        fix="name the folder of the images" if path.exists() else "Check the path",
    )


def _file_and_split(text: str) -> tuple[Path, str | None]:
    """File and split of ``FILE?split=S``; names of existing files may contain question marks."""
    path = Path(text).expanduser()
    if "?" not in text or path.exists():
        return path, None
    spec = parse_spec(text, allowed=("split",), kind=ImagesError)
    return Path(spec.target).expanduser(), spec.options.get("split")
