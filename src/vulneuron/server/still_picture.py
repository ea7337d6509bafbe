"""A picture of a pair and a neuron, which a notebook shows if the dashboard cannot be reached."""

import io

import numpy as np
from PIL import Image

from vulneuron.measures import SIDES
from vulneuron.plots.regions import masked
from vulneuron.plots.sheet import as_bytes
from vulneuron.server.summary import OpenedLayer

#: Smallest side of an image in the picture, and the gap between two images, in pixels.
_SIDE, _GAP = 192, 8


def still_picture(layer: OpenedLayer, pair: int, neuron: int) -> bytes:
    """PNG of a pair: both images, and the receptive field of a neuron on each of them.

    Parameters
    ----------
    layer
        A layer of the record.
    pair, neuron
        Their numbers.
    """
    images = layer.analysis.data.images(pair)
    masks = layer.analysis.receptive_fields(pair, [neuron])
    tiles = [as_bytes(images[side]) for side in SIDES]
    tiles += [masked(images[side], masks[side][0]) for side in SIDES]
    scale = max(1, -(-_SIDE // max(tiles[0].shape[:2])))
    tiles = [tile.repeat(scale, axis=0).repeat(scale, axis=1) for tile in tiles]
    space = np.full((tiles[0].shape[0], _GAP, 3), 255, np.uint8)
    row = np.concatenate([part for tile in tiles for part in (tile, space)][:-1], axis=1)
    png = io.BytesIO()
    Image.fromarray(row).save(png, "PNG")
    return png.getvalue()
