"""Responses of the routes: arrays as ``.npy``, images as PNG, and how browsers cache them."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import Request, Response
from numpy.lib import format as npy
from PIL import Image

from vulneuron.analysis.data import Floats
from vulneuron.plots import pair_grid
from vulneuron.server.summary import OpenedLayer

Bytes = npt.NDArray[np.uint8]
#: Low, because most browsers run on the same machine.
_COMPRESSION = 1
_FOREVER = "private, max-age=31536000, immutable"
_REVALIDATE = "private, no-cache"


class NpyResponse(Response):
    """An array as the body of a response."""

    media_type = "application/x-npy"


def array_response(values: npt.NDArray[Any]) -> NpyResponse:
    """Response with an array that the browser does not cache."""
    return NpyResponse(to_npy(values), headers={"Cache-Control": "no-store"})


def to_npy(values: npt.NDArray[Any]) -> bytes:
    """Bytes of a ``.npy`` file."""
    stream = io.BytesIO()
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    npy.write_array(stream, little, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


class PngResponse(Response):
    """A PNG as the body of a response."""

    media_type = "image/png"


@dataclass(frozen=True)
class Cell:
    """Size of a thumbnail in pixels."""

    width: int
    height: int


def to_png(pixels: Bytes) -> bytes:
    """PNG of ``(y, x, channel)``; gray for fewer than three channels, else red, green, blue."""
    stream = io.BytesIO()
    _picture(pixels).save(stream, "png", compress_level=_COMPRESSION)
    return stream.getvalue()


def difference(benign: Floats, adversarial: Floats) -> Bytes:
    """Perturbation around mid-gray ``(y, x, channel)``, scaled to make its largest value black or white.

    Parameters
    ----------
    benign, adversarial
        ``(channel, y, x)`` in [0, 1].
    """
    pixels = np.moveaxis(pair_grid.difference(benign, adversarial), 0, -1)
    return np.asarray(np.rint(255 * pixels), np.uint8)


def cell_of(width: int, height: int, size: int) -> Cell:
    """Thumbnail whose longer side is `size`; no larger than the image."""
    scale = min(1.0, size / max(width, height))
    return Cell(max(1, round(width * scale)), max(1, round(height * scale)))


def sprite(images: Bytes, cell: Cell) -> bytes:
    """PNG of many images ``(row, column, y, x, channel)``, each scaled to the cell."""
    rows, columns = images.shape[:2]
    small = np.stack([_scaled(image, cell) for image in images.reshape(-1, *images.shape[2:])])
    table = small.reshape(rows, columns, cell.height, cell.width, -1)
    return to_png(table.swapaxes(1, 2).reshape(rows * cell.height, columns * cell.width, -1))


def npy_responses(description: str) -> dict[int | str, dict[str, Any]]:
    """Entry of a route's ``responses`` that describes its array."""
    return _described(NpyResponse, description)


def png_responses(description: str) -> dict[int | str, dict[str, Any]]:
    """Entry of a route's ``responses`` that describes its picture."""
    return _described(PngResponse, description)


def cached(request: Request, layer: OpenedLayer, make: Callable[[], Response]) -> Response:
    """Response for content that changes only with the record.

    If ``v`` in the URL is the record's fingerprint, the browser caches the response forever. Otherwise it
    revalidates it, and unchanged content is not sent again.
    """
    tag = f'"{layer.fingerprint}"'
    response = Response(status_code=304) if request.headers.get("if-none-match") == tag else make()
    is_current = request.query_params.get("v") == layer.fingerprint
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = _FOREVER if is_current else _REVALIDATE
    return response


def _described(response: type[Response], description: str) -> dict[int | str, dict[str, Any]]:
    content = {str(response.media_type): {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": description, "content": content}}


def _scaled(image: Bytes, cell: Cell) -> Bytes:
    if image.shape[:2] == (cell.height, cell.width):
        return image
    scaled = _picture(image).resize((cell.width, cell.height), Image.Resampling.BOX)
    return np.asarray(scaled).reshape(cell.height, cell.width, -1)


def _picture(pixels: Bytes) -> Image.Image:
    if pixels.shape[-1] < 3:
        return Image.fromarray(np.ascontiguousarray(pixels[..., 0]))
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
