"""The incremental engine: computes only the regions that a patch changes, as long as that is cheaper."""

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines.dense import Dense
from vulneuron.engines.engine import Batch, Engine, empty_batch
from vulneuron.engines.incremental.costs import StepCosts, measure_costs, region_areas
from vulneuron.engines.incremental.forward import PatchedForward
from vulneuron.engines.incremental.geometry import PatchBatch, PatchSpans, order_by_size, propagate_spans
from vulneuron.engines.incremental.sizes import StepSizes, background_bytes, step_sizes
from vulneuron.engines.incremental.steps import NetworkSteps, trace_steps
from vulneuron.engines.incremental.verifying import agrees_on_pair, agrees_on_probes, probe_pair
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY, BatchSize
from vulneuron.network.devices import device_clock, out_of_memory

Ints = npt.NDArray[np.int64]
#: Costs of a network's steps, by timing them or by a model, with the arguments of `measure_costs`.
CostFunction = Callable[[NetworkSteps, StepSizes, PatchedForward, PatchBatch], StepCosts]
#: Smallest batch size to try.
_SMALLEST_BATCH = 16
#: Step costs are measured on the square of this many patches.
_SIDE = 4
#: Smallest speedup that makes regions worthwhile, as measurements have errors.
_MIN_SPEEDUP = 1.03
#: Fraction of the memory that the benign image's feature maps may take.
_BACKGROUND_SHARE = 1 / 2


@dataclass(frozen=True, eq=False)
class _Plan:
    """Plan for computing patches of one size in one network."""

    steps: NetworkSteps
    spans: PatchSpans
    costs: StepCosts
    background_bytes: float
    batch_size: BatchSize


@dataclass(eq=False)
class _NetworkCache:
    """Results about one network: its steps, plans by patch size, and the forward pass of the last pair."""

    steps: NetworkSteps | None
    plans: dict[int, _Plan | None] = field(default_factory=dict)
    forward: PatchedForward | None = None


class Incremental:
    """Exact up to summation order, and faster than `Dense` wherever patches are small.

    Every step of the network is computed once on the benign image. Of a substituted image, only the region
    that the patch can change is computed from layer to layer, with the benign values around it. Patches
    whose regions have similar sizes go through the network together. The rest of the network is dense from
    the layer on where whole feature maps are cheaper, which is measured.

    The effect of each step on a region is tested on random values (module `operations`). Logits are compared
    with those of the network on probes before first use, and on each pair of images (module `verifying`);
    after one mismatch, patches of that size stay dense. A step that cannot be analyzed makes the rest of the
    network dense. `Dense` also computes networks that `torch.fx` cannot trace, and mixed precision, whose
    rounding depends on the size of the computation.

    Parameters
    ----------
    memory
        Approximate number of bytes for feature maps: those of the benign image and those of a batch. If the
        benign image's do not fit in half of it, or in the memory there is, the network goes to `Dense`.
    fallback
        Engine for all that is not computed on regions; `Dense` if None.
    costs
        Function that decides whether regions are worthwhile, and up to which step.

    References
    ----------
    Related, for patches of one color: Nakandala, Kumar and Papakonstantinou, "Incremental and approximate
    inference for faster occlusion-based deep CNN explanations", SIGMOD 2019.
    """

    name = "incremental"

    def __init__(
        self, *, memory: int = MEMORY, fallback: Engine | None = None, costs: CostFunction = measure_costs
    ) -> None:
        self._memory = memory
        self._fallback = fallback or Dense(memory=memory)
        self._costs = costs
        self._caches: WeakKeyDictionary[Classifier, _NetworkCache] = WeakKeyDictionary()

    def __call__(
        self,
        classifier: Classifier,
        benign: Tensor,
        adversarial: Tensor,
        centers: Tensor,
        *,
        patch: int,
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        """Yield logits; see `vulneuron.engines.engine.Engine`."""
        positions = centers.numpy()
        plan, forward = None, None
        try:
            plan = yield from self._plan(classifier, patch)
            if plan is not None:
                forward = yield from self._forward(classifier, plan, benign, adversarial, positions)
        except Exception as error:
            if not out_of_memory(error):
                raise
            # The benign image's feature maps do not fit; a batch of `Dense` may.
            self._caches.setdefault(classifier, _NetworkCache(None)).plans[patch] = None
        if plan is None or forward is None:
            self._caches[classifier].forward = None
            yield from self._fallback(
                classifier, benign, adversarial, centers, patch=patch, batch_size=batch_size
            )
            return
        clock, costs, sizes = device_clock(classifier.device), plan.costs, plan.batch_size
        remaining = order_by_size(plan.spans, positions, plan.steps.multiplications())
        while len(remaining):
            size = min(batch_size or sizes.size(len(remaining)), sizes.most, len(remaining))
            indices = remaining[:size]
            patches = PatchBatch(plan.spans, positions[indices], classifier.device)
            areas = region_areas(plan.steps, patches)
            cut = costs.cut(areas)
            fitting = self._fitting_images(plan.background_bytes, costs.sizes.peak_bytes(areas, cut))
            if fitting < len(indices):
                indices = indices[:fitting]
                patches = PatchBatch(plan.spans, positions[indices], classifier.device)
            start = clock()
            try:
                logits = forward.logits(patches, cut).cpu()
            except Exception as error:
                sizes.halve(len(indices), error)
                continue
            # Divided by the expected time: batches of larger regions are slower whatever their size.
            sizes.record_time(size, (clock() - start) / len(indices) / costs.seconds(areas))
            remaining = remaining[len(indices) :]
            yield Batch(torch.from_numpy(indices), logits)

    def _plan(self, classifier: Classifier, patch: int) -> Generator[Batch, None, _Plan | None]:
        """Plan for patches of this size; None if dense is better. Cached per network."""
        if classifier not in self._caches:
            steps = trace_steps(classifier) if classifier.precision == "float32" else None
            self._caches[classifier] = _NetworkCache(steps)
        cache = self._caches[classifier]
        if patch not in cache.plans:
            # Dropped first: two patch sizes' feature maps must not be in memory at once.
            cache.forward, steps = None, cache.steps
            plan = None if steps is None else (yield from self._new_plan(classifier, steps, patch))
            cache.plans[patch] = plan
        return cache.plans[patch]

    def _new_plan(
        self, classifier: Classifier, steps: NetworkSteps, patch: int
    ) -> Generator[Batch, None, _Plan | None]:
        """Compare regions with the network, and time them.

        None if the benign image's feature maps take too much memory, regions are wrong, or they gain nothing.
        """
        spans = propagate_spans(steps, patch)
        sizes = step_sizes(steps, spans)
        background = background_bytes(steps, spans)
        if background > self._memory * _BACKGROUND_SHARE:
            return None
        benign, adversarial = probe_pair(classifier)
        forward = PatchedForward(steps, spans, benign, adversarial, classifier.device)
        most = min(self._fitting_images(background, sizes.peak_bytes_whole()), _SIDE**2)
        yield empty_batch(classifier)
        if not agrees_on_probes(classifier, forward, most):
            return None
        yield empty_batch(classifier)
        timed = PatchBatch(spans, spans.central_patches(math.isqrt(most)), classifier.device)
        costs = self._costs(steps, sizes, forward, timed)
        typical = region_areas(steps, PatchBatch(spans, spans.central_patches(_SIDE), classifier.device))
        yield empty_batch(classifier)
        if costs.speedup(typical) < _MIN_SPEEDUP:
            return None
        most = self._fitting_images(background, sizes.peak_bytes(typical, costs.cut(typical)))
        return _Plan(steps, spans, costs, background, BatchSize(most, least=_SMALLEST_BATCH))

    def _forward(
        self,
        classifier: Classifier,
        plan: _Plan,
        benign: Tensor,
        adversarial: Tensor,
        positions: Ints,
    ) -> Generator[Batch, None, PatchedForward | None]:
        """The forward pass of a pair; the last one is cached, because one map takes several calls."""
        cache = self._caches[classifier]
        if cache.forward is None or not cache.forward.matches(plan.spans, benign, adversarial):
            cache.forward = None
            forward = PatchedForward(plan.steps, plan.spans, benign, adversarial, classifier.device)
            yield empty_batch(classifier)
            if not agrees_on_pair(classifier, forward, positions):
                cache.plans[plan.spans.patch] = None
                return None
            cache.forward = forward
        return cache.forward

    def _fitting_images(self, background: float, image_bytes: float) -> int:
        """Number of images of this size that fit into memory together with the background; at least 1."""
        return max(1, int((self._memory - background) / max(image_bytes, 1)))
