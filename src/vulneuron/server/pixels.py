"""Images of a record as 8-bit pixels, kept in memory under a budget."""

from collections import OrderedDict
from threading import Lock

import numpy as np
import numpy.typing as npt

from vulneuron.record import Record
from vulneuron.record.schema import PIXEL_STEPS

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
BUDGET = 256 * 2**20
#: From stored integers n / 65535 to the nearest n / 255.
_TO_BYTE = np.rint(np.arange(PIXEL_STEPS + 1) * (255 / PIXEL_STEPS)).astype(np.uint8)


class Pixels:
    """Images of pairs, decoded once; those that were not asked for the longest are given up first.

    Parameters
    ----------
    record
        A finished record.
    budget
        Bytes to keep at most.
    """

    def __init__(self, record: Record, budget: int = BUDGET) -> None:
        self._stored = record.array("image")
        self._size = int(self._stored.chunks[0])
        self._budget = budget
        self._kept = 0
        self._blocks: OrderedDict[int, Bytes] = OrderedDict()
        self._lock = Lock()

    @property
    def fits(self) -> bool:
        """Whether all images fit into the budget."""
        return int(np.prod(self._stored.shape)) <= self._budget

    def of(self, pairs: Ints) -> Bytes:
        """Pixels of some pairs, ``(n, side, y, x, channel)``."""
        blocks = {number: self._block(number) for number in np.unique(pairs // self._size).tolist()}
        return np.stack([blocks[pair // self._size][pair % self._size] for pair in pairs.tolist()])

    def load_all(self) -> None:
        """Decode everything beforehand, file by file, which is much faster than chunk by chunk."""
        shards = self._stored.shards
        step = self._size if shards is None else int(shards[0])
        for start in range(0, int(self._stored.shape[0]), step):
            decoded = _decoded(self._stored[start : start + step])
            for offset in range(0, len(decoded), self._size):
                self._keep((start + offset) // self._size, decoded[offset : offset + self._size])

    def _block(self, number: int) -> Bytes:
        with self._lock:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                return self._blocks[number]
        block = _decoded(self._stored[number * self._size : (number + 1) * self._size])
        self._keep(number, block)
        return block

    def _keep(self, number: int, block: Bytes) -> None:
        with self._lock:
            if number in self._blocks:
                return
            self._blocks[number] = block
            self._kept += block.nbytes
            while self._kept > self._budget and len(self._blocks) > 1:
                _, oldest = self._blocks.popitem(last=False)
                self._kept -= oldest.nbytes


def _decoded(stored: npt.NDArray[np.uint16]) -> Bytes:
    """From ``(n, side, channel, y, x)`` to 8-bit ``(n, side, y, x, channel)``."""
    return np.ascontiguousarray(np.moveaxis(_TO_BYTE[stored], 2, -1))
