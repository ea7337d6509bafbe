"""How exact an engine has to be, and how to make sure that regions are computed at all."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from vulneuron.engines import Dense, Engine, substituted
from vulneuron.engines.incremental.costs import Costs
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
    """Logits of all centers; each has to come once, in batches that are no larger than asked for."""
    found = torch.full((len(centers), classifier.classes), torch.nan)
    for batch in engine(classifier, benign, adversarial, centers, patch=patch, batch_size=batch_size):
        assert batch_size is None or len(batch) <= batch_size
        assert found[batch.chosen].isnan().all()
        found[batch.chosen] = batch.logits
    return found


def assert_exact(
    found: Tensor, classifier: Classifier, benign: Tensor, adversarial: Tensor, centers: Tensor, patch: int
) -> None:
    """Compare logits with those of one substituted image at a time: what patches change has to be right."""
    images = substituted(benign, adversarial, centers, patch=patch)
    expected = torch.cat([classifier.logits(image[None]) for image in images])
    changes = expected - classifier.logits(benign[None])
    allowed = 1e-3 * changes.abs().max() + 2e-6 * expected.abs().max()
    torch.testing.assert_close(found, expected, rtol=0, atol=float(allowed))


@contextmanager
def only_regions() -> Iterator[None]:
    """Let the incremental engine compute regions to the end of the network, and never the dense one."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the dense engine was asked")

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(Costs, "gain", lambda _costs, _areas: math.inf)
        changed.setattr(Costs, "cut", lambda _costs, areas: len(areas))
        changed.setattr(Dense, "__call__", refuse)
        yield
