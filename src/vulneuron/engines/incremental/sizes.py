"""Memory that the outputs of a network's steps take."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.engines.incremental.geometry import PatchSpans
from vulneuron.engines.incremental.operations import Affine
from vulneuron.engines.incremental.steps import NetworkSteps

Doubles = npt.NDArray[np.float64]
_FLOAT32 = 4
#: A step's input is copied together with its surroundings.
_COPIES = 2


@dataclass(frozen=True, eq=False)
class StepSizes:
    """Sizes of all steps' outputs for one image.

    Attributes
    ----------
    numbers
        ``(step,)``: number of values in each step's output.
    pasted
        ``(step,)``: number of values in whole feature maps that a step needs besides regions: its inputs,
        and the output of an affine one.
    alive
        ``(step + 1, step)``: whether an output is still to be read before each step, and at the end.
    """

    numbers: Doubles
    pasted: Doubles
    alive: npt.NDArray[np.bool_]

    def peak_bytes(self, areas: Doubles, cut: int) -> float:
        """Largest number of bytes that one image takes on its way through the network.

        Parameters
        ----------
        areas
            ``(step,)``: fraction of the whole feature map that each step's regions cover, 1 without regions.
        cut
            Step from which whole feature maps are computed.
        """
        regions, whole = self.alive @ (self.numbers * areas), self.alive @ self.numbers
        regions[:-1] += self.pasted
        return float(max(regions[: cut + 1].max(), whole[cut:].max())) * _FLOAT32 * _COPIES

    def peak_bytes_whole(self) -> float:
        """`peak_bytes` if all feature maps are whole."""
        return self.peak_bytes(np.ones(len(self.numbers)), 0)


def background_bytes(steps: NetworkSteps, spans: PatchSpans) -> float:
    """Bytes of the benign feature maps that are kept for patches of one size."""
    return float(sum(math.prod(steps.shapes[node] or ()) for node in spans.backgrounds)) * _FLOAT32


def step_sizes(steps: NetworkSteps, spans: PatchSpans) -> StepSizes:
    """Sizes from the shapes of the outputs; `spans` say which steps work on regions."""
    last_readers = {node: index for index, step in enumerate(steps.steps) for node in step.last}
    count = len(steps.steps)
    numbers, pasted = np.zeros((2, count))
    alive = np.zeros((count + 1, count), np.bool_)
    for index, step in enumerate(steps.steps):
        numbers[index] = math.prod(steps.shapes[step.node] or (0,))
        alive[index + 1 : last_readers.get(step.node, count) + 1, index] = True
        is_affine = isinstance(step.operation, Affine)
        if is_affine or not spans.works_on_regions(step):
            pasted[index] = sum(
                math.prod(steps.shapes[read] or ()) for read in step.reads if read in spans.rows
            )
        if is_affine:
            pasted[index] += numbers[index]
    return StepSizes(numbers, pasted, alive)
