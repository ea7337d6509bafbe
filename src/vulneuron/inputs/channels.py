"""The number of channels that a model reads, by trying those of the images first."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from vulneuron.errors import ImagesError
from vulneuron.inputs.image_source import ImageSource
from vulneuron.inputs.images import open_images
from vulneuron.inputs.preprocessing import Preprocessing
from vulneuron.network import expected_channels
from vulneuron.network.execution import runs_on

_RGB, _GRAY = 3, 1


def open_images_for(
    module: nn.Module, source: object, *, preprocessing: Preprocessing | None = None
) -> ImageSource:
    """Open images with the first number of channels in which a model runs on them.

    These are the images' own channels, then RGB and gray-scale, then the input channels of the model's first
    convolution, which may be defined, but not used, before the others.

    Parameters
    ----------
    module
        The model.
    source, preprocessing
        As for `open_images`.

    Raises
    ------
    ImagesError
        Like `open_images`.
    """
    expected = expected_channels(module)
    for channels in dict.fromkeys((*_own_channels(source), _RGB, _GRAY)):
        try:
            images = open_images(source, channels=channels, preprocessing=preprocessing)
        except ImagesError:
            continue
        if runs_on(module, images.shape):
            return images
    return open_images(source, channels=expected, preprocessing=preprocessing)


def _own_channels(source: Any) -> list[int]:
    """Possible numbers of channels of the first image, if the images are in memory."""
    if isinstance(source, tuple) and len(source) == 2:
        source = source[0]
    if isinstance(source, str | Path) or not hasattr(source, "__getitem__"):
        return []
    try:
        image = source[0]
    # User code can raise anything.
    except Exception:
        return []
    if isinstance(image, tuple | list) and image:
        image = image[0]
    if isinstance(image, Image.Image):
        return [len(image.getbands())]
    if not isinstance(image, torch.Tensor | np.ndarray):
        return []
    # The smaller one is more plausible.
    return [_GRAY] if image.ndim == 2 else sorted({image.shape[0], image.shape[-1]})
