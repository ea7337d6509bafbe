"""Required exactness of engines, and a way to force the incremental one to compute regions."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from vulneuron.engines import Dense, Engine, substituted
from vulneuron.engines.incremental.costs import StepCosts
from vulneuron.network import Classifier


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
    """Compare logits with those of one substituted image at a time, relative to their largest change."""
    images = substituted(benign, adversarial, centers, patch=patch)
    expected = torch.cat([classifier.logits(image[None]) for image in images])
    changes = expected - classifier.logits(benign[None])
    allowed = 1e-3 * changes.abs().max() + 2e-6 * expected.abs().max()
    torch.testing.assert_close(logits, expected, rtol=0, atol=float(allowed))


@contextmanager
def only_regions() -> Iterator[None]:
    """Make the incremental engine compute regions to the end of the network, never falling back to dense."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the dense engine was called")

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(StepCosts, "speedup", lambda _costs, _areas: math.inf)
        changed.setattr(StepCosts, "cut", lambda _costs, areas: len(areas))
        changed.setattr(Dense, "__call__", refuse)
        yield
