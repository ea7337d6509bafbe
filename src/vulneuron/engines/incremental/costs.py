"""Measured costs of a network's steps, and the step from which whole feature maps beat regions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vulneuron.engines.incremental.forward import PatchedForward
from vulneuron.engines.incremental.geometry import PatchBatch, PatchSpans
from vulneuron.engines.incremental.sizes import StepSizes
from vulneuron.engines.incremental.steps import NetworkSteps

Doubles = npt.NDArray[np.float64]
_REPEATS = 3
#: Seconds to paste one number; a rough value, because pasting is much cheaper than convolution.
_PASTE = 0.5e-9
#: Seconds below the resolution of any clock.
_TICK = 1e-9


@dataclass(frozen=True, eq=False)
class StepCosts:
    """Seconds per image of each step.

    Attributes
    ----------
    whole
        ``(step,)``: seconds on whole feature maps.
    regions
        ``(step,)``: seconds on regions, scaled up to the size of the whole feature map. For a step that
        does not work on regions, its seconds including the pasting of its inputs.
    sizes
        Sizes of the steps' outputs.
    cuts
        ``(step + 1,)``: steps from which whole feature maps can be computed, see `possible_cuts`.
    """

    whole: Doubles
    regions: Doubles
    sizes: StepSizes
    cuts: npt.NDArray[np.bool_]

    def cut(self, areas: Doubles) -> int:
        """Step from which whole feature maps are cheaper.

        Parameters
        ----------
        areas
            ``(step,)``: fraction of the whole feature map that each step's regions cover, 1 without regions.
        """
        return int(np.argmin(self._seconds_by_cut(areas)))

    def seconds(self, areas: Doubles) -> float:
        """Seconds per image with whole feature maps from the `cut` on; above 0."""
        return max(float(self._seconds_by_cut(areas).min()), _TICK)

    def speedup(self, areas: Doubles) -> float:
        """Time without regions divided by the time with them."""
        return float(self.whole.sum()) / self.seconds(areas)

    def _seconds_by_cut(self, areas: Doubles) -> Doubles:
        """Seconds per image for each cut, ``(step + 1,)``."""
        before = np.concatenate([[0.0], np.cumsum(self.regions * areas)])
        after = np.concatenate([np.cumsum(self.whole[::-1])[::-1], [0.0]])
        seconds = before + self.sizes.alive @ self.sizes.numbers * _PASTE + after
        return np.where(self.cuts, seconds, np.inf)


def measure_costs(
    steps: NetworkSteps, sizes: StepSizes, forward: PatchedForward, patches: PatchBatch
) -> StepCosts:
    """Run a batch on whole feature maps and on regions, and keep each step's shortest time."""
    # The first run of each shape also pays for its preparation.
    whole, regions = (
        np.min([_step_seconds(forward, patches, cut) for _ in range(_REPEATS)], axis=0) / len(patches.centers)
        for cut in (0, None)
    )
    cuts = possible_cuts(steps, forward.spans, sizes)
    return StepCosts(whole, regions / region_areas(steps, patches), sizes, cuts)


def possible_cuts(steps: NetworkSteps, spans: PatchSpans, sizes: StepSizes) -> npt.NDArray[np.bool_]:
    """Whether all outputs alive before each step, and at the end, can be made whole, ``(step + 1,)``.

    Outputs that are whole already can, and so can regions with a background.
    """
    possible = np.array(
        [step.node in spans.backgrounds or step.node not in spans.rows for step in steps.steps]
    )
    return np.asarray(~(sizes.alive & ~possible).any(axis=1))


def region_areas(steps: NetworkSteps, patches: PatchBatch) -> Doubles:
    """Fraction of the whole feature map that each step's regions cover, ``(step,)``; 1 without regions."""
    return np.array(
        [patches.area(step.node) if patches.has_regions(step.node) else 1.0 for step in steps.steps]
    )


def _step_seconds(forward: PatchedForward, patches: PatchBatch, cut: int | None) -> Doubles:
    times: list[float] = []
    forward.logits(patches, cut, times)
    return np.diff(times)
