"""Receptive fields (RFs): the part of an image that a neuron responds to (paper, Section 3.2).

The four steps of the paper: resize the image to the RF size (`resized`), resize the neuron's feature map to
it (`upsample`), threshold that to a mask (`masks`), multiply the image by the mask (`masked_image`).
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from vulneuron.errors import MeasureError
from vulneuron.measures.choices import check_size
from vulneuron.measures.interpolation import next_to_centers, upsampling_weights
from vulneuron.measures.packed_masks import PackedMasks, positive_masks
from vulneuron.measures.registry import NeuronContext, neuron_measure
from vulneuron.measures.sides import BySide

Floats = npt.NDArray[np.float32]
Floating = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Size = tuple[int, int]

#: Number of float32 values that stay in a CPU's cache until their maximum is taken.
_VALUES_AT_ONCE = 2**18


def upsample(features: Floating, size: Size) -> Floats:
    r"""Resize feature maps bilinearly (step 2 of the paper).

    Corners are not aligned: the center of output row Y is at :math:`y = (Y + 1/2) h / H - 1/2` of the feature
    map, clipped to :math:`[0, h - 1]`. Bilinear interpolation is linear in each direction, so it is a product
    with two small matrices, :math:`U_y A U_x^\top`.

    Parameters
    ----------
    features
        ``(..., h, w)``.
    size
        ``(H, W)``.

    Returns
    -------
    ndarray
        ``(..., H, W)``, float32, within the range of `features`.

    Raises
    ------
    MeasureError
        If the size is not two positive integers.
    """
    check_size(size, "size")
    vertical, horizontal = (
        upsampling_weights(*lengths) for lengths in zip(features.shape[-2:], size, strict=True)
    )
    upsampled: Floats = vertical @ (np.asarray(features, np.float32) @ horizontal.T)
    return upsampled


def masks(features: Floating, thresholds: Floating | float, size: Size) -> Bools:
    """Binarize the upsampled feature maps (steps 2 and 3 of the paper).

    A pixel belongs to the RF if the upsampled feature map is strictly greater than the threshold there. A
    neuron that nowhere exceeds its threshold captures nothing (`dead`).

    Parameters
    ----------
    features
        ``(neuron, row, column)``; or one neuron's feature maps in many images, ``(image, row, column)``.
    thresholds
        One value for all, or ``(neuron,)``; see `vulneuron.measures.thresholds`.
    size
        RF size ``(y, x)`` in pixels.

    Returns
    -------
    ndarray
        ``(neuron, y, x)``, bool.

    Raises
    ------
    MeasureError
        If the size is not two positive integers, or there is not one threshold per feature map.
    """
    return packed_masks(features, thresholds, size).unpacked()


def packed_masks(features: Floating, thresholds: Floating | float, size: Size) -> PackedMasks:
    """The same masks as bits, which is faster for many neurons and large images; see `masks`."""
    check_size(size, "size")
    levels = np.asarray(thresholds, np.float32)
    if levels.shape not in {(), (len(features),)}:
        raise MeasureError(
            f"given thresholds {levels.shape} for {len(features)} feature maps",
            allowed="one number, or one per feature map",
            fix="compute the thresholds from the same feature maps",
        )
    # Weights sum to 1 only up to rounding. With the threshold subtracted first, a feature map that never
    # exceeds it has no positive number before or after interpolation.
    return positive_masks(np.asarray(features, np.float32) - levels[..., None, None], size)


def resized(image: Floating, size: Size) -> Floats:
    """Resize an image bilinearly, with antialiasing when shrinking (step 1 of the paper).

    Parameters
    ----------
    image
        ``(channel, y, x)`` in [0, 1].
    size
        RF size ``(y, x)`` in pixels.

    Returns
    -------
    ndarray
        ``(channel, *size)``, float32 in [0, 1]; unchanged if the image has that size.

    Raises
    ------
    MeasureError
        If the size is not two positive integers.
    """
    check_size(size, "size")
    pixels = np.asarray(image, np.float32)
    if pixels.shape[1:] == size:
        return pixels
    height, width = size
    # Pillow's bilinear filter widens when it shrinks an image, which is antialiasing.
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR))
        for channel in pixels
    ]
    return np.asarray(np.clip(np.stack(channels), 0, 1), np.float32)


def masked_image(image: Floating, mask: Bools) -> Floats:
    """The image where the mask is True, 0 elsewhere (step 4 of the paper, and step 1 if sizes differ).

    Parameters
    ----------
    image
        ``(channel, y, x)`` in [0, 1].
    mask
        ``(..., y, x)``, bool, of the RF size.

    Returns
    -------
    ndarray
        ``(..., channel, y, x)`` of the RF size, float32.
    """
    shape = mask.shape[-2:]
    return np.asarray(resized(image, (shape[0], shape[1])) * mask[..., None, :, :])


def union(masks: Bools) -> Bools:
    """Pixels ``(y, x)`` that at least one of the neurons ``(neuron, y, x)`` captures.

    Raises
    ------
    MeasureError
        If there is no neuron.
    """
    _check_any(masks)
    return np.asarray(masks.any(axis=0))


def intersection(masks: Bools) -> Bools:
    """Pixels ``(y, x)`` that all of the neurons ``(neuron, y, x)`` capture.

    Raises
    ------
    MeasureError
        If there is no neuron.
    """
    _check_any(masks)
    return np.asarray(masks.all(axis=0))


def coverage(masks: Bools) -> Floats:
    """Fraction of the image that each neuron captures, ``(neuron,)``, in [0, 1]."""
    return np.asarray(masks.mean(axis=(1, 2), dtype=np.float32))


def dead(masks: Bools) -> Bools:
    """Whether each neuron captures nothing in this image, ``(neuron,)``."""
    return np.asarray(~masks.any(axis=(1, 2)))


def peaks(features: Floating, size: Size) -> Floats:
    """Largest value of each upsampled feature map, ``(...)``, in the unit of the feature maps.

    A neuron is `dead` for every threshold at or above its peak. The peak is lower than the feature map's own
    maximum if no pixel lies on that cell's center. Between neighboring centers, upsampled feature maps are
    linear in each direction, so only pixels next to centers are computed: 14 x 14 of 224 x 224 for 7 x 7.

    Parameters
    ----------
    features
        ``(..., h, w)``.
    size
        RF size ``(y, x)`` in pixels.

    Raises
    ------
    MeasureError
        If the size is not two positive integers.
    """
    check_size(size, "size")
    *outer, height, width = features.shape
    cells = np.asarray(features, np.float32).reshape(math.prod(outer), height * width)
    vertical, horizontal = (
        upsampling_weights(length, pixels)[next_to_centers(length, pixels)]
        for length, pixels in ((height, size[0]), (width, size[1]))
    )
    largest = np.empty(len(cells), np.float32)
    at_once = max(1, _VALUES_AT_ONCE // (len(vertical) * len(horizontal)))
    for start in range(0, len(cells), at_once):
        # With the feature maps last, both products are large.
        block = np.ascontiguousarray(cells[start : start + at_once].T)
        rows = vertical @ block.reshape(height, -1)
        values = horizontal @ rows.reshape(len(vertical), width, -1)
        # Capped, as weights sum to 1 only up to rounding, and no pixel exceeds all cells.
        largest[start : start + at_once] = np.minimum(values.max(axis=(0, 1)), block.max(axis=0))
    return largest.reshape(outer)


@neuron_measure(
    "dead_{part}",
    label="dead, {part}",
    row="dead",
    meaning={
        "benign": "Whether the neuron captures nothing on the benign image; a share over pairs",
        "adversarial": "Whether the neuron captures nothing on the adversarial image; a share over pairs",
    },
    formula="the upsampled feature map nowhere exceeds the threshold",
    unit="yes or no",
    first=None,
    display="share",
    needs={"feature_maps"},
    by="side",
)
def captures_nothing(context: NeuronContext) -> BySide[Bools]:
    """Whether each neuron's receptive field is empty on either image."""
    return context.dead


def _check_any(masks: Bools) -> None:
    if len(masks) == 0:
        raise MeasureError("given no neuron", allowed="at least one neuron", fix="select a neuron first")
