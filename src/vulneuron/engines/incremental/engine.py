"""The incremental engine: only what a patch changes is computed, as long as that is cheaper."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines.clock import clock_of
from vulneuron.engines.dense import Dense
from vulneuron.engines.engine import Batch, nothing_yet
from vulneuron.engines.incremental.costs import Costs, areas, measured
from vulneuron.engines.incremental.forward import Forward
from vulneuron.engines.incremental.geometry import Patches, Spans, by_size, spans_of
from vulneuron.engines.incremental.limits import multiplications
from vulneuron.engines.incremental.sizes import kept_bytes, sizes_of
from vulneuron.engines.incremental.steps import Steps, steps_of
from vulneuron.engines.incremental.verifying import probe_pair, right_on_pair, right_on_probes
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY, BatchSize

Ints = npt.NDArray[np.int64]
#: Smallest batch size that is tried.
_LEAST = 16
#: Steps are measured on the square of this many patches.
_SIDE = 4
#: What has to be gained at least for regions to be worth it: measurements have errors.
_WORTH = 1.03
#: Part of the memory that the benign image's maps may take.
_KEPT = 1 / 2


@dataclass(frozen=True, eq=False)
class _Plan:
    """How patches of one size are computed in a network."""

    steps: Steps
    spans: Spans
    costs: Costs
    kept: float
    batch_size: BatchSize


@dataclass(eq=False)
class _Known:
    """What was found out about one network: its steps, plans for patches, and the pair of images met last."""

    steps: Steps | None
    plans: dict[int, _Plan | None] = field(default_factory=dict)
    forward: Forward | None = None


class Incremental:
    """Exact up to summation order, and faster than dense wherever patches are small.

    Every step of the network is computed once on the benign image. Of a substituted image, only the region
    that the patch can change is computed, with the benign values around it, from layer to layer; patches
    whose regions have similar sizes go through the network together. From the layer on where whole maps are
    cheaper, which is measured, the rest of the network is dense.

    What a step does to a region is proved on random values (module `operations`), and the
    whole is compared with the network before it is used, and again on each pair of images
    (module `verifying`): where that fails once, patches of this size are dense from then on.
    Steps that are not understood make the rest of the network dense.
    Networks that `torch.fx` cannot trace, and mixed precision, whose rounding depends on the size of what is
    computed, are left to `Dense`.

    Parameters
    ----------
    memory
        Bytes that maps may take at once, about: those of the benign image and of a batch. Where half of it
        does not hold the benign image's, the network is left to `Dense`.

    References
    ----------
    Similar in kind, for patches of one color: Nakandala, Kumar and Papakonstantinou, "Incremental and
    approximate inference for faster occlusion-based deep CNN explanations", SIGMOD 2019.
    """

    name = "incremental"

    def __init__(self, *, memory: int = MEMORY) -> None:
        self._memory = memory
        self._dense = Dense(memory=memory)
        self._known: WeakKeyDictionary[Classifier, _Known] = WeakKeyDictionary()

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
        plan = yield from self._plan(classifier, patch)
        forward = None
        if plan is not None:
            forward = yield from self._forward(classifier, plan, benign, adversarial, positions)
        if plan is None or forward is None:
            self._known[classifier].forward = None
            yield from self._dense(
                classifier, benign, adversarial, centers, patch=patch, batch_size=batch_size
            )
            return
        clock, costs = clock_of(classifier.device), plan.costs
        left = by_size(plan.spans, positions, multiplications(plan.steps))
        while len(left):
            size = min(batch_size or plan.batch_size.size(len(left)), len(left))
            chosen = left[:size]
            patches = Patches(plan.spans, positions[chosen], classifier.device)
            needed = areas(plan.steps, patches)
            cut = costs.cut(needed)
            fit = self._most(plan.kept, costs.sizes.bytes_of(needed, cut))
            if fit < len(chosen):
                chosen = chosen[:fit]
                patches = Patches(plan.spans, positions[chosen], classifier.device)
            left = left[len(chosen) :]
            start = clock()
            logits = forward.logits(patches, cut).cpu()
            # Batches with larger regions take longer, but not because of their number.
            plan.batch_size.tell(size, (clock() - start) / len(chosen) / costs.seconds(needed))
            yield Batch(torch.from_numpy(chosen), logits)

    def _plan(self, classifier: Classifier, patch: int) -> Generator[Batch, None, _Plan | None]:
        """How to compute patches of this size; None if dense is better. Found once for a network."""
        if classifier not in self._known:
            steps = steps_of(classifier) if classifier.precision == "float32" else None
            self._known[classifier] = _Known(steps)
        known = self._known[classifier]
        if patch not in known.plans:
            # Else the maps of two patch sizes would be in memory at once.
            known.forward, steps = None, known.steps
            made = None if steps is None else (yield from self._made(classifier, steps, patch))
            known.plans[patch] = made
        return known.plans[patch]

    def _made(self, classifier: Classifier, steps: Steps, patch: int) -> Generator[Batch, None, _Plan | None]:
        """Compare regions with the network, and measure them.

        None if the benign image's maps take too much memory, regions are wrong, or nothing is gained.
        """
        spans = spans_of(steps, patch)
        sizes = sizes_of(steps, spans)
        kept = kept_bytes(steps, spans)
        if kept > self._memory * _KEPT:
            return None
        benign, adversarial = probe_pair(classifier)
        forward = Forward(steps, spans, benign, adversarial, classifier.device)
        most = min(self._most(kept, sizes.bytes_of_whole()), _SIDE**2)
        yield nothing_yet(classifier)
        if not right_on_probes(classifier, forward, most):
            return None
        yield nothing_yet(classifier)
        tried = Patches(spans, spans.middle(math.isqrt(most)), classifier.device)
        costs = measured(steps, sizes, forward, tried)
        usual = areas(steps, Patches(spans, spans.middle(_SIDE), classifier.device))
        yield nothing_yet(classifier)
        if costs.gain(usual) < _WORTH:
            return None
        most = self._most(kept, sizes.bytes_of(usual, costs.cut(usual)))
        return _Plan(steps, spans, costs, kept, BatchSize(most, least=_LEAST))

    def _forward(
        self,
        classifier: Classifier,
        plan: _Plan,
        benign: Tensor,
        adversarial: Tensor,
        positions: Ints,
    ) -> Generator[Batch, None, Forward | None]:
        """What a pair of images needs; the last pair's is remembered, as maps ask several times."""
        known = self._known[classifier]
        if known.forward is None or not known.forward.is_of(plan.spans, benign, adversarial):
            known.forward = None
            forward = Forward(plan.steps, plan.spans, benign, adversarial, classifier.device)
            yield nothing_yet(classifier)
            if not right_on_pair(classifier, forward, positions):
                known.plans[plan.spans.patch] = None
                return None
            known.forward = forward
        return known.forward

    def _most(self, kept: float, of_image: float) -> int:
        """Images that go through the network at once, at most, if one takes so many bytes; at least 1."""
        return max(1, int((self._memory - kept) / max(of_image, 1)))
