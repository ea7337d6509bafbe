"""How much memory the outputs of a network's steps take."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.engines.incremental.geometry import Spans
from vulneuron.engines.incremental.steps import Steps

Doubles = npt.NDArray[np.float64]
_FLOAT32 = 4
#: What a step reads is copied with its surroundings.
_COPIES = 2


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of the outputs of all steps for one image.

    Attributes
    ----------
    numbers
        ``(step,)``: how many numbers each step gives.
    pasted
        ``(step,)``: how many it reads from inputs of which there are regions, if it needs them whole.
    alive
        ``(step + 1, step)``: whether an output is still to be read before each step, and at the end.
    """

    numbers: Doubles
    pasted: Doubles
    alive: npt.NDArray[np.bool_]

    def bytes_of(self, areas: Doubles, cut: int) -> float:
        """Bytes that one image takes at most on its way through the network.

        Parameters
        ----------
        areas
            ``(step,)``: part of the whole map that each step's regions take, 1 where it has none.
        cut
            Step from which on whole maps are computed.
        """
        regions, whole = self.alive @ (self.numbers * areas), self.alive @ self.numbers
        regions[:-1] += self.pasted
        return float(max(regions[: cut + 1].max(), whole[cut:].max())) * _FLOAT32 * _COPIES

    def bytes_of_whole(self) -> float:
        """Bytes that one image takes at most if all maps are whole."""
        return self.bytes_of(np.ones(len(self.numbers)), 0)


def kept_bytes(steps: Steps, spans: Spans) -> float:
    """Bytes of the benign maps that are kept for patches of one size."""
    return float(sum(math.prod(steps.shapes[node] or ()) for node in spans.kept)) * _FLOAT32


def sizes_of(steps: Steps, spans: Spans) -> Sizes:
    """Read them off the shapes of the outputs; `spans` say which steps work on regions."""
    last = {node: index for index, step in enumerate(steps.steps) for node in step.last}
    count = len(steps.steps)
    numbers, pasted = np.zeros((2, count))
    alive = np.zeros((count + 1, count), np.bool_)
    for made, step in enumerate(steps.steps):
        numbers[made] = math.prod(steps.shapes[step.node] or (0,))
        alive[made + 1 : last.get(step.node, count) + 1, made] = True
        if not spans.follow(step):
            pasted[made] = sum(
                math.prod(steps.shapes[read] or ()) for read in step.reads if read in spans.rows
            )
    return Sizes(numbers, pasted, alive)
