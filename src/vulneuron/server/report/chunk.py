"""One file of a report: named values, compressed together."""

import gzip
import io
import json
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel

from vulneuron.server.report import edges

#: Kinds of arrays in the index.
_KINDS = {"f4": np.float32, "f8": np.float64, "i4": np.int32}


class Chunk:
    """Named values that the page loads at once.

    Its content is a gzip file: the length of the index (uint32, little endian); the index as JSON, with the
    offset, length, kind and shape of each value; and the values one after the other. Kinds are ``json``,
    ``webp``, ``edges`` (`vulneuron.server.report.edges`), and the arrays ``f4``, ``f8`` and ``i4``. The first
    bytes of an array's numbers come first, then their second ones, and so on, which compresses better. Equal
    values have equal content.
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[bytes, str, tuple[int, ...]]] = {}

    def add_json(self, name: str, value: object) -> None:
        """Add a model, or plain values."""
        text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)
        self._add(name, text.encode(), "json")

    def add_array(self, name: str, values: npt.NDArray[np.generic]) -> None:
        """Add an array; float64 values that are float32 values are stored as these."""
        if values.dtype == np.float64:
            single = values.astype(np.float32)
            values = single if np.array_equal(single, values, equal_nan=True) else values
        kind = next(kind for kind, dtype in _KINDS.items() if dtype == values.dtype)
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        planes = little.reshape(-1).view(np.uint8).reshape(little.size, -1).T
        self._add(name, planes.tobytes(), kind, values.shape)

    def add_masks(self, name: str, masks: npt.NDArray[np.bool_]) -> None:
        """Add masks ``(..., y, x)``."""
        self._add(name, edges.encode(masks), "edges", masks.shape)

    def add_picture(self, name: str, png: bytes) -> None:
        """Add a PNG as WebP with the same pixels, which is a quarter smaller."""
        stream = io.BytesIO()
        with Image.open(io.BytesIO(png)) as image:
            image.save(stream, "webp", lossless=True, exact=True, method=4)
        self._add(name, stream.getvalue(), "webp")

    def content(self) -> bytes:
        """All of it as the content of a file; equal values share their bytes."""
        index: dict[str, tuple[int, int, str, tuple[int, ...]]] = {}
        places: dict[bytes, int] = {}
        body = bytearray()
        for name, (value, kind, shape) in self._values.items():
            start = places.setdefault(value, len(body))
            if start == len(body):
                body += value
            index[name] = (start, len(value), kind, shape)
        head = json.dumps(index).encode()
        return gzip.compress(struct.pack("<I", len(head)) + head + bytes(body), 9, mtime=0)

    def _add(self, name: str, value: bytes, kind: str, shape: tuple[int, ...] = ()) -> None:
        if name in self._values:
            raise ValueError(f"the name {name} is used twice")
        self._values[name] = (value, kind, shape)
