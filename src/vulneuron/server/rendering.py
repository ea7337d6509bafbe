"""Pixels as PNG: single images, perturbations, sprites of thumbnails."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import Response
from PIL import Image

Bytes = npt.NDArray[np.uint8]
#: Little compression: the bytes go to the same machine.
_COMPRESSION = 1
_GREY = 127.5


class PngResponse(Response):
    """A PNG as the body of a response."""

    media_type = "image/png"


@dataclass(frozen=True)
class Cell:
    """Size of a thumbnail in pixels."""

    width: int
    height: int


def to_png(pixels: Bytes) -> bytes:
    """PNG of ``(y, x, channel)``; grey for fewer than three channels, else red, green, blue."""
    stream = io.BytesIO()
    _picture(pixels).save(stream, "png", compress_level=_COMPRESSION)
    return stream.getvalue()


def difference(benign: npt.NDArray[np.floating], adversarial: npt.NDArray[np.floating]) -> Bytes:
    """Perturbation around mid-grey ``(y, x, channel)``; its largest value becomes black or white.

    Parameters
    ----------
    benign, adversarial
        ``(channel, y, x)`` in [0, 1].
    """
    change = np.moveaxis(adversarial.astype(np.float64) - benign, 0, -1)
    largest = np.abs(change).max()
    scaled = change / largest if largest else change
    return np.rint(_GREY + _GREY * scaled).astype(np.uint8)


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


def documented(description: str) -> dict[int | str, dict[str, Any]]:
    """Entry of a route's ``responses`` that says what its picture is."""
    content = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
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
