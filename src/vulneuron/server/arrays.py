"""Arrays over the wire: NumPy's ``.npy`` format, version 1, C order, little endian."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import Response
from numpy.lib import format as npy

MEDIA_TYPE = "application/x-npy"


class NpyResponse(Response):
    """An array as the body of a response."""

    media_type = MEDIA_TYPE


def array_response(values: npt.NDArray[Any]) -> NpyResponse:
    """Response with an array; the browser keeps no copy of its own."""
    return NpyResponse(to_npy(values), headers={"Cache-Control": "no-store"})


def to_npy(values: npt.NDArray[Any]) -> bytes:
    """Bytes of a ``.npy`` file."""
    stream = io.BytesIO()
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    npy.write_array(stream, little, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def documented(description: str) -> dict[int | str, dict[str, Any]]:
    """Entry of a route's ``responses`` that says what its array is."""
    content = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": description, "content": content}}
