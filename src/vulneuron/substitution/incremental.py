"""The incremental engine: only what a patch changes is computed, as long as that is cheaper."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.comparing import max_relative_error
from vulneuron.devices import autocast
from vulneuron.memory import out_of_memory
from vulneuron.network import Classifier
from vulneuron.substitution.batch_size import MEMORY
from vulneuron.substitution.costs import Costs, areas, measured
from vulneuron.substitution.dense import Dense, substituted
from vulneuron.substitution.engine import Batch
from vulneuron.substitution.execute import Forward
from vulneuron.substitution.geometry import Patches, Spans, similar, spans_of
from vulneuron.substitution.limits import multiplications
from vulneuron.substitution.steps import Steps, steps_of

Ints = npt.NDArray[np.int64]
_BATCH = 64
_MEASURED = 16
#: What has to be gained at least for regions to be worth it: measurements have errors.
_WORTH = 1.03
#: Largest relative difference to the network itself that summation order explains.
_TOLERANCE = 1e-4


@dataclass(eq=False)
class _Known:
    """What was found out about one network: its steps, what they cost, and the benign image met last."""

    steps: Steps | None
    spans: dict[int, Spans] = field(default_factory=dict)
    costs: dict[int, Costs] = field(default_factory=dict)
    forward: Forward | None = None


@dataclass(frozen=True, eq=False)
class _Run:
    """All that is needed to compute patches of one pair of images."""

    classifier: Classifier
    steps: Steps
    forward: Forward
    spans: Spans

    def patches(self, centres: Ints) -> Patches:
        return Patches(self.spans, centres, self.classifier.device)

    def logits(self, patches: Patches, cut: int) -> Tensor:
        with torch.inference_mode(), autocast(self.classifier.precision, self.classifier.device):
            return self.forward.logits(patches, cut).cpu()

    def middle(self) -> Ints:
        """Patches whose regions are as large as those of most patches are: in the middle of the image."""
        height, width = self.spans.sizes[self.spans.image]
        side = math.isqrt(_MEASURED)
        rows, columns = (
            (np.arange(side) + (length - side) // 2).clip(0, length - 1) for length in (height, width)
        )
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


class Incremental:
    """Exact up to summation order, and faster than dense wherever patches are small.

    Every step of the network is computed once on the benign image. Of a substituted image, only the region
    that the patch can change is computed, with the benign values around it, from layer to layer; patches
    whose regions have similar sizes go through the network together. From the layer on where whole maps are
    cheaper, which is measured, the rest of the network is dense.

    What a step does to a region is proved on random values (`vulneuron.substitution.operations`). Steps that
    are not understood make the rest of the network dense, and networks that `torch.fx` cannot trace are left
    to `Dense`.

    Parameters
    ----------
    memory
        Bytes that the maps of a batch may take at once, about.

    References
    ----------
    Similar in kind, for patches of one colour: Nakandala, Kumar and Papakonstantinou, "Incremental and
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
        centres: Tensor,
        *,
        patch: int,
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        """Yield logits; see `vulneuron.substitution.engine.Engine`."""
        run = self._run(classifier, benign, adversarial, patch)
        costs = self._costs(run, patch) if run is not None else None
        if run is None or costs is None or costs.gain(areas(run.steps, run.patches(run.middle()))) < _WORTH:
            yield from self._dense(
                classifier, benign, adversarial, centres, patch=patch, batch_size=batch_size
            )
            return
        positions, size = centres.numpy(), batch_size or _BATCH
        for chosen in similar(run.spans, positions, multiplications(run.steps), size):
            patches = run.patches(positions[chosen])
            needed = areas(run.steps, patches)
            cut = costs.cut(needed)
            parts = math.ceil(len(chosen) * costs.bytes_of(needed, cut) / self._memory)
            for part in np.array_split(chosen, min(parts, len(chosen))):
                logits = run.logits(patches if parts == 1 else run.patches(positions[part]), cut)
                yield Batch(torch.from_numpy(part), logits)

    def _run(self, classifier: Classifier, benign: Tensor, adversarial: Tensor, patch: int) -> _Run | None:
        """What is needed for a pair of images; the last pair's is remembered, as maps ask several times."""
        if classifier not in self._known:
            self._known[classifier] = _Known(steps_of(classifier))
        known = self._known[classifier]
        if known.steps is None:
            return None
        if patch not in known.spans:
            known.spans[patch] = spans_of(known.steps, patch)
        if known.forward is None or not known.forward.is_of(benign, adversarial, patch):
            known.forward = None
            with torch.inference_mode(), autocast(classifier.precision, classifier.device):
                known.forward = Forward(known.steps, benign, adversarial, patch, classifier.device)
        return _Run(classifier, known.steps, known.forward, known.spans[patch])

    def _costs(self, run: _Run, patch: int) -> Costs | None:
        """Measure the steps, once for a network and patch size; None if regions give other logits."""
        known = self._known[run.classifier]
        if patch not in known.costs:
            patches = run.patches(run.middle())
            images = substituted(run.forward.benign, run.forward.adversarial, patches.centres, patch=patch)
            expected = run.classifier.logits(images).cpu()
            try:
                error = max_relative_error(run.logits(patches, len(run.steps.steps)), expected)
            # Foreign code on maps of another size than it has ever seen.
            except (RuntimeError, TypeError, ValueError, LookupError, AssertionError) as failure:
                if out_of_memory(failure):
                    raise
                error = math.nan
            if not error <= _TOLERANCE:
                known.steps = known.forward = None
                return None
            with torch.inference_mode(), autocast(run.classifier.precision, run.classifier.device):
                known.costs[patch] = measured(run.steps, run.forward, patches)
        return known.costs[patch]
