"""The incremental engine agrees with the network itself, for any network."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from engines.exactness import assert_exact, logits_of, only_regions
from engines.random_nets import Reused, classifiers
from vulneuron.engines import Incremental
from vulneuron.engines.incremental.costs import possible_cuts
from vulneuron.engines.incremental.forward import PatchedForward
from vulneuron.engines.incremental.geometry import PatchBatch, order_by_size, propagate_spans
from vulneuron.engines.incremental.sizes import step_sizes
from vulneuron.engines.incremental.steps import trace_steps
from vulneuron.maps.grid import PatchGrid
from vulneuron.network import Classifier

seeds = st.integers(0, 2**32)


def images_of(classifier: Classifier, seed: int) -> Tensor:
    return torch.rand(2, *classifier.input_shape, generator=torch.Generator().manual_seed(seed))


def grid_of(classifier: Classifier, data: st.DataObject) -> PatchGrid:
    _, rows, columns = classifier.input_shape
    patch = 2 * data.draw(st.integers(1, max(rows, columns)))
    return PatchGrid((rows, columns), patch, data.draw(st.integers(1, 5)))


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(classifiers(), st.data())
def test_any_cut_gives_the_logits_of_whole_images(classifier: Classifier, data: st.DataObject) -> None:
    grid = grid_of(classifier, data)
    benign, adversarial = images_of(classifier, data.draw(seeds))
    centers = grid.centers()
    steps = trace_steps(classifier)
    if steps is None:
        # A value changed in place and read again cannot be expressed as a graph of values.
        assert any(isinstance(module, Reused) for module in classifier.module.modules()), classifier.module
        return
    spans = propagate_spans(steps, grid.patch)
    cuts = np.flatnonzero(possible_cuts(steps, spans, step_sizes(steps, spans))).tolist()
    cut = data.draw(st.none() | st.sampled_from(cuts))
    forward = PatchedForward(steps, spans, benign, adversarial, classifier.device)
    logits = torch.full((len(centers), classifier.classes), torch.nan)
    order, size = order_by_size(spans, centers, {}), data.draw(st.integers(1, 40))
    for indices in (order[start : start + size] for start in range(0, len(order), size)):
        logits[indices] = forward.logits(PatchBatch(spans, centers[indices], classifier.device), cut)
    assert_exact(logits, classifier, benign, adversarial, torch.from_numpy(centers), grid.patch)


@pytest.mark.slow
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(classifiers(), st.data())
def test_the_engine_gives_the_logits_of_whole_images(classifier: Classifier, data: st.DataObject) -> None:
    """With its own choice of the cut, or forced to compute regions wherever possible."""
    grid = grid_of(classifier, data)
    benign, adversarial = images_of(classifier, data.draw(seeds))
    centers = torch.from_numpy(grid.centers()[:: data.draw(st.integers(1, 3))])
    size, memory = data.draw(st.none() | st.integers(1, 40)), data.draw(st.sampled_from([2**20, 2**29]))
    forced = data.draw(st.booleans()) and trace_steps(classifier) is not None
    engine = only_regions(memory) if forced else Incremental(memory=memory)
    logits = logits_of(engine, classifier, benign, adversarial, centers, grid.patch, size)
    assert not logits.isnan().any()
    assert_exact(logits, classifier, benign, adversarial, centers, grid.patch)
