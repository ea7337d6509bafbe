"""Images that users bring: folders, arrays, data sets, and strings that name them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vulneuron.errors import ImagesError
from vulneuron.inputs.arrays import ArraySource, open_npz
from vulneuron.inputs.datasets import DatasetSource
from vulneuron.inputs.folders import FolderSource
from vulneuron.inputs.image_source import Images, ImageSource
from vulneuron.inputs.preprocessing import Preprocessing
from vulneuron.inputs.userfile import call_function


def load_images(
    source: object,
    *,
    classes: int,
    labels: object = None,
    class_names: Sequence[str] | None = None,
    channels: int = 3,
    preprocessing: Preprocessing | None = None,
) -> Images:
    """Open images and bring their labels to the outputs of a model.

    Parameters
    ----------
    source, channels, preprocessing
        As in `open_images`.
    classes
        Number of outputs of the model.
    labels
        One integer an image, instead of the labels that the source has.
    class_names
        Names of all outputs, in order, if they are known. Sub-folders are matched with them: exactly, or
        without regard to case, spaces, underscores and hyphens, or by the first of several synonyms.
        Sub-folders may also be named by output number, or be ImageNet's for a model with its 1,000 outputs.
        Without class names, the sorted sub-folders are the classes if there is one for each output.

    Raises
    ------
    ImagesError
        The images cannot be opened, or their labels do not fit the model.
    """
    opened = open_images(source, channels=channels, preprocessing=preprocessing)
    return opened.labeled(classes, labels=labels, class_names=class_names)


def open_images(
    source: object, *, channels: int = 3, preprocessing: Preprocessing | None = None
) -> ImageSource:
    """Open images, without knowing the model's classes yet.

    Parameters
    ----------
    source
        - a folder with one sub-folder a class, or with unlabeled images directly in it;
        - an ``.npz`` file with ``images`` and, optionally, ``labels`` and ``class_names``;
        - ``torchvision:NAME?root=DIR[&split=S][&download=true]``;
        - ``PATH.py:FUNCTION``, a function without arguments that returns one of the following;
        - a map-style data set of images or of (image, label);
        - an array or tensor of images, or a tuple (images, labels).
    channels
        Input channels of the model.
    preprocessing
        Size to bring the images to; None if they all have the size that the model reads.

    Raises
    ------
    ImagesError
        The images are not there, or are none.
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
            fix="Stack the images into one array",
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
    if path.suffix == ".npz" and path.is_file():
        return open_npz(path, channels, preprocessing)
    if path.is_dir():
        return FolderSource(path, channels, preprocessing)
    raise ImagesError(
        f"given images {text!r}, which is {'a file' if path.exists() else 'not there'}",
        allowed="a folder of images or of class folders, an .npz file, torchvision:NAME?root=DIR&split=S, or "
        "PATH.py:FUNCTION",
        fix="Name the folder that holds the images" if path.exists() else "Check the path",
    )
