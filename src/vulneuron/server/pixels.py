"""Images of a record as 8-bit pixels, cached in memory."""

from contextlib import suppress
from threading import Lock

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from vulneuron.record import Record
from vulneuron.record.schema import PIXEL_STEPS

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
BUDGET = 256 * 2**20
#: Nearest 8-bit value of each stored 16-bit value.
_TO_BYTE = np.rint(np.arange(PIXEL_STEPS + 1) * (255 / PIXEL_STEPS)).astype(np.uint8)


class Pixels:
    """Images of pairs, decoded once; the least recently used are dropped when the budget is exceeded.

    Parameters
    ----------
    record
        A finished record.
    budget
        Largest number of bytes to cache.
    """

    def __init__(self, record: Record, budget: int = BUDGET) -> None:
        self._stored = record.array("image")
        self._block_size = int(self._stored.chunks[0])
        self._budget = budget
        self._blocks: LRUCache[int, Bytes] = LRUCache(budget, getsizeof=lambda block: block.nbytes)
        self._lock = Lock()

    @property
    def fits(self) -> bool:
        """Whether the pixels of all images fit into the budget."""
        return int(np.prod(self._stored.shape)) <= self._budget

    def read(self, pairs: Ints) -> Bytes:
        """Pixels of some pairs, ``(n, side, y, x, channel)``."""
        blocks = {number: self._block(number) for number in np.unique(pairs // self._block_size).tolist()}
        return np.stack(
            [blocks[pair // self._block_size][pair % self._block_size] for pair in pairs.tolist()]
        )

    def load_all(self) -> None:
        """Decode everything, file by file, which is much faster than chunk by chunk."""
        shards = self._stored.shards
        step = self._block_size if shards is None else int(shards[0])
        for start in range(0, int(self._stored.shape[0]), step):
            decoded = _decoded(self._stored[start : start + step])
            for offset in range(0, len(decoded), self._block_size):
                self._cache((start + offset) // self._block_size, decoded[offset : offset + self._block_size])

    def _block(self, number: int) -> Bytes:
        with self._lock:
            block = self._blocks.get(number)
        if block is None:
            block = _decoded(self._stored[number * self._block_size : (number + 1) * self._block_size])
            self._cache(number, block)
        return block

    def _cache(self, number: int, block: Bytes) -> None:
        with self._lock, suppress(ValueError):  # a block may be larger than the whole budget
            self._blocks[number] = block


def _decoded(stored: npt.NDArray[np.uint16]) -> Bytes:
    """From ``(n, side, channel, y, x)`` to 8-bit ``(n, side, y, x, channel)``."""
    return np.ascontiguousarray(np.moveaxis(_TO_BYTE[stored], 2, -1))
