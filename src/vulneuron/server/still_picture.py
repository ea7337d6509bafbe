"""A picture of a pair and a neuron, which a notebook shows if the dashboard cannot be reached."""

import io

import numpy as np
from PIL import Image

from vulneuron.server.summary import OpenedLayer

#: Smallest side of an image in the picture, and the gap between two images, in pixels.
_SIDE, _GAP = 192, 8
#: Gray level that covers pixels that a neuron does not capture, and its opacity.
_GRAY, _OPACITY = 154, 0.78


def still_picture(layer: OpenedLayer, pair: int, neuron: int) -> bytes:
    """PNG of a pair: both images, and the receptive field of a neuron on each of them.

    Parameters
    ----------
    layer
        A layer of the record.
    pair, neuron
        Their numbers.
    """
    images = layer.pixels.read(np.array([pair]))[0]
    images = np.broadcast_to(images, (*images.shape[:-1], 3))
    masks = layer.analysis.receptive_fields(pair, [neuron])
    captured = np.stack([masks.benign[0], masks.adversarial[0]])[..., None]
    gray = (_OPACITY * _GRAY + (1 - _OPACITY) * images).astype(np.uint8)
    tiles = [*images, *np.where(captured, images, gray)]
    scale = max(1, -(-_SIDE // max(images.shape[1:3])))
    tiles = [tile.repeat(scale, axis=0).repeat(scale, axis=1) for tile in tiles]
    space = np.full((tiles[0].shape[0], _GAP, 3), 255, np.uint8)
    row = np.concatenate([part for tile in tiles for part in (tile, space)][:-1], axis=1)
    png = io.BytesIO()
    Image.fromarray(row).save(png, "PNG")
    return png.getvalue()
