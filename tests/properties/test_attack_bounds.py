"""Properties of attacks on any network and image, with any norm, radius and number of steps."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from victims import CLASSES, predicted, random_images, victim
from vulneuron.attacks import FGSM, PGD, Attack, AttackResult
from vulneuron.network import Classifier

COUNT = 4


@cache
def network(seed: int) -> Classifier:
    return victim(seed, steepness=10)


networks = st.integers(0, 5).map(network)
images = st.builds(
    lambda seed, contrast: random_images(COUNT, seed, contrast=contrast),
    st.integers(0, 2**32),
    st.sampled_from([0.2, 0.8, 1.4]),
)
labels = st.lists(st.integers(0, CLASSES - 1), min_size=COUNT, max_size=COUNT).map(torch.tensor)
targets = st.none() | st.integers(0, CLASSES - 1)
seeds = st.lists(st.integers(0, 2**63 - 1), min_size=COUNT, max_size=COUNT)
balls = st.one_of(
    st.tuples(st.just("linf"), st.floats(1e-9, 1.0)),
    st.tuples(st.just("linf"), st.integers(1, 64).map(lambda n: n / 255)),
    st.tuples(st.just("l2"), st.floats(1e-9, 20.0)),
)


@st.composite
def pgds(draw: st.DrawFn, /, **fixed: Any) -> PGD:
    norm, eps = draw(balls)
    return PGD(
        eps=eps,
        step_size=eps * draw(st.floats(0.05, 2)),
        steps=draw(st.integers(1, 5)),
        norm=norm,
        target=draw(targets),
        **fixed,
    )


@st.composite
def attacks(draw: st.DrawFn) -> Attack:
    if draw(st.booleans()):
        norm, eps = draw(balls)
        return FGSM(eps, norm, draw(targets))
    if draw(st.booleans()):
        return draw(pgds(random_start=False, early_stop=draw(st.booleans())))
    return draw(pgds(restarts=draw(st.integers(1, 3)), early_stop=draw(st.booleans())))


def norm_of(change: np.ndarray, norm: str) -> float:
    """Norm in float64, with the exact sum of the squares."""
    if norm == "linf":
        return float(np.abs(change).max())
    return math.sqrt(math.fsum((change.ravel() ** 2).tolist()))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(networks, images, labels, seeds, attacks())
def test_results_are_exactly_inside_the_ball_and_the_range(
    classifier: Classifier, benign: Tensor, labels: Tensor, seeds: list[int], attack: Attack
) -> None:
    result = attack(classifier, benign, labels, seeds=seeds)
    assert result.images.dtype == torch.float32
    assert result.images.min() >= 0
    assert result.images.max() <= 1
    assert attack.ball is not None
    changes = result.images.numpy().astype(np.float64) - benign.numpy().astype(np.float64)
    assert max(norm_of(change, attack.ball.norm) for change in changes) <= attack.ball.eps
    prediction = predicted(classifier, result.images)
    hits = torch.ones(COUNT, dtype=torch.bool) if attack.target is None else prediction == attack.target
    assert torch.equal(result.success, (prediction != labels) & hits)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(networks, images, labels, seeds, attacks(), st.permutations(range(COUNT)), st.integers(1, COUNT))
def test_an_image_gets_the_same_result_in_any_batch(
    classifier: Classifier,
    benign: Tensor,
    labels: Tensor,
    seeds: list[int],
    attack: Attack,
    order: list[int],
    size: int,
) -> None:
    together = attack(classifier, benign, labels, seeds=seeds).images
    for start in range(0, COUNT, size):
        chosen = order[start : start + size]
        alone = attack(classifier, benign[chosen], labels[chosen], seeds=[seeds[i] for i in chosen]).images
        torch.testing.assert_close(alone, together[chosen], rtol=0, atol=1e-6)


def run_both(first: PGD, second: PGD, *given: Any) -> tuple[AttackResult, AttackResult]:
    classifier, benign, labels, seeds = given
    return first(classifier, benign, labels, seeds=seeds), second(classifier, benign, labels, seeds=seeds)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(networks, images, labels, seeds, pgds(), st.booleans(), st.integers(2, 4))
def test_restarts_lose_no_success_and_keep_the_first(
    classifier: Classifier,
    benign: Tensor,
    labels: Tensor,
    seeds: list[int],
    attack: PGD,
    early_stop: bool,
    restarts: int,
) -> None:
    one, more = (
        PGD(attack.eps, attack.step_size, attack.steps, attack.norm, attack.target, True, count, early_stop)
        for count in (1, restarts)
    )
    once, often = run_both(one, more, classifier, benign, labels, seeds)
    assert (often.success | ~once.success).all()
    torch.testing.assert_close(often.images[once.success], once.images[once.success], rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(networks, images, labels, seeds, pgds(), st.booleans())
def test_early_stop_loses_no_success_and_changes_no_failure(
    classifier: Classifier, benign: Tensor, labels: Tensor, seeds: list[int], attack: PGD, random_start: bool
) -> None:
    """The iterates are the same, so an image that succeeds at the end stopped there or earlier.

    The converse does not hold, as later steps may lose a success. Whoever fails has taken every step.
    """
    full, early = (
        PGD(attack.eps, attack.step_size, attack.steps, attack.norm, attack.target, random_start, 1, stop)
        for stop in (False, True)
    )
    at_the_end, stopped = run_both(full, early, classifier, benign, labels, seeds)
    assert (stopped.success | ~at_the_end.success).all()
    failed = ~stopped.success
    torch.testing.assert_close(stopped.images[failed], at_the_end.images[failed], rtol=0, atol=1e-6)
