"""What the steps of a network cost, measured, and from which step on whole maps are cheaper than regions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.engines.incremental.forward import Forward
from vulneuron.engines.incremental.geometry import Patches, Spans
from vulneuron.engines.incremental.sizes import Sizes
from vulneuron.engines.incremental.steps import Steps

Doubles = npt.NDArray[np.float64]
_REPEATS = 3
#: Seconds to paste one number; rough, as the maps that are pasted are small beside what was convolved.
_PASTE = 0.5e-9
#: Seconds that no clock can tell from 0.
_TICK = 1e-9


@dataclass(frozen=True, eq=False)
class Costs:
    """Seconds that each step takes for one image.

    Attributes
    ----------
    whole
        ``(step,)``: seconds on whole maps.
    regions
        ``(step,)``: seconds on regions as large as the whole map, as measured on smaller ones; where a step
        gives no regions, seconds from what it reads, which may have to be pasted first.
    sizes
        Of the steps' outputs.
    cuts
        ``(step + 1,)``: from which steps on whole maps can be computed, see `possible_cuts`.
    """

    whole: Doubles
    regions: Doubles
    sizes: Sizes
    cuts: npt.NDArray[np.bool_]

    def cut(self, areas: Doubles) -> int:
        """Step from which on whole maps are cheaper.

        Parameters
        ----------
        areas
            ``(step,)``: part of the whole map that each step's regions take, 1 where it has none.
        """
        return int(np.argmin(self._seconds(areas)))

    def seconds(self, areas: Doubles) -> float:
        """Seconds for one image, if whole maps are computed from the `cut` on; more than 0."""
        return max(float(self._seconds(areas).min()), _TICK)

    def gain(self, areas: Doubles) -> float:
        """How many times faster than without regions."""
        return float(self.whole.sum()) / self.seconds(areas)

    def _seconds(self, areas: Doubles) -> Doubles:
        """Seconds an image if whole maps are computed from each step on, ``(step + 1,)``."""
        before = np.concatenate([[0.0], np.cumsum(self.regions * areas)])
        after = np.concatenate([np.cumsum(self.whole[::-1])[::-1], [0.0]])
        seconds = before + self.sizes.alive @ self.sizes.numbers * _PASTE + after
        return np.where(self.cuts, seconds, np.inf)


def measured(steps: Steps, sizes: Sizes, forward: Forward, patches: Patches) -> Costs:
    """Run a batch both ways, and take each step's shortest time."""
    # The first run of each shape also pays for its preparation.
    whole, regions = (
        np.min([_timed(forward, patches, cut) for _ in range(_REPEATS)], axis=0) / len(patches.centers)
        for cut in (0, None)
    )
    return Costs(whole, regions / areas(steps, patches), sizes, possible_cuts(steps, forward.spans, sizes))


def possible_cuts(steps: Steps, spans: Spans, sizes: Sizes) -> npt.NDArray[np.bool_]:
    """Whether all that is alive before each step, and at the end, can be made whole, ``(step + 1,)``.

    That is so for whole maps, and for regions whose surroundings are kept.
    """
    possible = np.array([step.node in spans.kept or step.node not in spans.rows for step in steps.steps])
    return np.asarray(~(sizes.alive & ~possible).any(axis=1))


def areas(steps: Steps, patches: Patches) -> Doubles:
    """Part of the whole map that each step's regions take, ``(step,)``; 1 where it has none."""
    return np.array([patches.area(step.node) if patches.has(step.node) else 1.0 for step in steps.steps])


def _timed(forward: Forward, patches: Patches, cut: int | None) -> Doubles:
    times: list[float] = []
    forward.logits(patches, cut, times)
    return np.diff(times)
