"""What the steps of a network cost, measured, and from which step on whole maps are cheaper than regions."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.substitution.execute import Forward
from vulneuron.substitution.geometry import Patches
from vulneuron.substitution.steps import Steps

Doubles = npt.NDArray[np.float64]
_REPEATS = 3
#: Seconds to paste one number; rough, as the maps that are pasted are small beside what was convolved.
_PASTE = 0.5e-9
#: Bytes of a float32, twice: what a step reads is copied with its surroundings.
_BYTES = 8


@dataclass(frozen=True, eq=False)
class Costs:
    """Seconds and memory that each step takes for one image.

    Attributes
    ----------
    whole
        ``(step,)``: seconds on whole maps.
    regions
        ``(step,)``: seconds on regions as large as the whole map, as measured on smaller ones; as `whole`
        where a step cannot work on regions.
    numbers
        ``(step,)``: how many numbers each step gives.
    alive
        ``(step + 1, step)``: whether an output is still to be read before each step, and at the end.
    """

    whole: Doubles
    regions: Doubles
    numbers: Doubles
    alive: npt.NDArray[np.bool_]

    def cut(self, areas: Doubles) -> int:
        """Step from which on whole maps are cheaper.

        Parameters
        ----------
        areas
            ``(step,)``: part of the whole map that each step's regions take, 1 where it has none.
        """
        return int(np.argmin(self._seconds(areas)))

    def gain(self, areas: Doubles) -> float:
        """How many times faster than without regions."""
        return float(self.whole.sum() / self._seconds(areas).min())

    def bytes_of(self, areas: Doubles, cut: int) -> float:
        """Memory that one image takes at most, if whole maps are computed from a step on."""
        regions, whole = self.alive @ (self.numbers * areas), self.alive @ self.numbers
        return float(max(regions[: cut + 1].max(), whole[cut:].max())) * _BYTES

    def _seconds(self, areas: Doubles) -> Doubles:
        """Seconds an image if whole maps are computed from each step on, ``(step + 1,)``."""
        before = np.concatenate([[0.0], np.cumsum(self.regions * areas)])
        after = np.concatenate([np.cumsum(self.whole[::-1])[::-1], [0.0]])
        seconds: Doubles = before + self.alive @ self.numbers * _PASTE + after
        return seconds


def measured(steps: Steps, forward: Forward, patches: Patches) -> Costs:
    """Run a batch both ways, and take each step's shortest time."""
    # The first run of each shape also pays for its preparation.
    whole, regions = (
        np.min([_timed(forward, patches, cut) for _ in range(_REPEATS)], axis=0) / len(patches.centres)
        for cut in (0, len(steps.steps))
    )
    numbers, alive = _memory(steps)
    return Costs(whole, regions / areas(steps, patches), numbers, alive)


def areas(steps: Steps, patches: Patches) -> Doubles:
    """Part of the whole map that each step's regions take, ``(step,)``; 1 where it has none."""
    return np.array([patches.area(step.node) if patches.has(step.node) else 1.0 for step in steps.steps])


def _timed(forward: Forward, patches: Patches, cut: int) -> list[float]:
    seconds: list[float] = []
    forward.logits(patches, cut, seconds)
    return seconds


def _memory(steps: Steps) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    last = {node: index for index, step in enumerate(steps.steps) for node in step.last}
    count = len(steps.steps)
    numbers, alive = np.zeros(count), np.zeros((count + 1, count), np.bool_)
    for made, step in enumerate(steps.steps):
        numbers[made] = math.prod(steps.shapes[step.node] or (0,))
        alive[made + 1 : last.get(step.node, made) + 1, made] = True
    return numbers, alive
