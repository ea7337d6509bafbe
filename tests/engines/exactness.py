"""Required exactness of engines, and an incremental one that computes nothing but regions."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vulneuron.engines import Batch, Dense, Engine, Incremental, substituted
from vulneuron.engines.incremental.costs import StepCosts
from vulneuron.engines.incremental.forward import PatchedForward
from vulneuron.engines.incremental.geometry import PatchBatch
from vulneuron.engines.incremental.sizes import StepSizes
from vulneuron.engines.incremental.steps import NetworkSteps
from vulneuron.network import Classifier
from vulneuron.network.batch_size import MEMORY


def logits_of(
    engine: Engine,
    classifier: Classifier,
    benign: Tensor,
    adversarial: Tensor,
    centers: Tensor,
    patch: int,
    batch_size: int | None = None,
) -> Tensor:
    """Logits of all centers; asserts that each comes once, in batches no larger than `batch_size`."""
    logits = torch.full((len(centers), classifier.classes), torch.nan)
    for batch in engine(classifier, benign, adversarial, centers, patch=patch, batch_size=batch_size):
        assert batch_size is None or len(batch) <= batch_size
        assert logits[batch.indices].isnan().all()
        logits[batch.indices] = batch.logits
    return logits


def assert_exact(
    logits: Tensor, classifier: Classifier, benign: Tensor, adversarial: Tensor, centers: Tensor, patch: int
) -> None:
    """Compare logits with those of the whole substituted images, relative to their largest change."""
    images = substituted(benign, adversarial, centers, patch=patch)
    expected = torch.cat([classifier.logits(batch) for batch in images.split(64)])
    changes = expected - classifier.logits(benign[None])
    allowed = 1e-3 * changes.abs().max() + 2e-6 * expected.abs().max()
    torch.testing.assert_close(logits, expected, rtol=0, atol=float(allowed))


class Refuse(Dense):
    """A fallback that must not be needed."""

    def __call__(self, *_arguments: object, **_options: object) -> Iterator[Batch]:
        raise AssertionError("the fallback was called")


def free_regions(
    steps: NetworkSteps, sizes: StepSizes, _forward: PatchedForward, _patches: PatchBatch
) -> StepCosts:
    """Costs by which regions take no time, and whole feature maps are no choice before the last step."""
    count = len(steps.steps)
    return StepCosts(np.ones(count), np.zeros(count), sizes, np.arange(count + 1) == count)


def only_regions(memory: int = MEMORY) -> Incremental:
    """An engine that computes regions to the end of the network, and never falls back."""
    return Incremental(memory=memory, fallback=Refuse(), costs=free_regions)
