"""Points of maps: each is computed once, and says what probabilities become."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from victims import random_images, victim
from vulneuron.engines import Batch, Dense
from vulneuron.errors import Cancelled, MeasureError
from vulneuron.maps.points import MapPoints
from vulneuron.maps.vulnerability_map import exact_maps, vulnerability_maps

LABELS: dict[str, Any] = {"benign_label": 1, "adversarial_label": 3}


class Counting:
    """The dense engine, and how many patches it was asked for in each call."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._dense = Dense()

    def __call__(self, *images: Any, patch: int, batch_size: int | None = None) -> Iterator[Batch]:
        self.asked.append(len(images[-1]))
        return self._dense(*images, patch=patch, batch_size=8)


def pair() -> tuple[Tensor, Tensor]:
    benign, adversarial = random_images(2, 5)
    adversarial[:, :3] = benign[:, :3]
    return benign, adversarial


def points_of(**options: Any) -> MapPoints:
    benign, adversarial = pair()
    return MapPoints(victim(2, steepness=3), benign, adversarial, **LABELS, patch=2, **options)


def test_changes_are_those_of_log_probabilities_at_the_points_that_were_asked_for() -> None:
    points, classifier = points_of(), victim(2, steepness=3)
    benign, adversarial = pair()
    row, column = 5, 4
    found = points.compute(np.array([row * 8 + column]))
    patched = benign.clone()
    patched[:, row - 1 : row + 1, column - 1 : column + 1] = adversarial[
        :, row - 1 : row + 1, column - 1 : column + 1
    ]
    before, after = (
        classifier.logits(image[None]).double().log_softmax(1)[0, [1, 3]].numpy()
        for image in (benign, patched)
    )
    np.testing.assert_allclose(found[:, 0], after - before, atol=1e-6)
    changed = points.of_probabilities(points.changes)[:, row, column]
    np.testing.assert_allclose(changed, np.exp(after) - np.exp(before), atol=1e-6)
    # Nothing else is known but where the images agree.
    known = np.isfinite(points.changes)
    assert known.sum() == 2 * (1 + 3 * 8)
    assert not points.changes[:, :3].any()


def test_no_point_is_computed_twice() -> None:
    engine = Counting()
    points = points_of(engine=engine)
    points.compute(np.arange(20, 40))
    points.compute(np.arange(30, 50))
    points.compute(np.arange(20, 50))
    points.compute(np.arange(10))
    assert engine.asked == [16, 10]
    again = Counting()
    maps = exact_maps(points_of(engine=again, known=points.changes))
    assert again.asked == [5 * 8 - 26]
    expected = vulnerability_maps(victim(2, steepness=3), *pair(), **LABELS, patch=2, engine=Dense())
    np.testing.assert_allclose(maps.benign_drop, expected.benign_drop, rtol=0, atol=1e-6)
    np.testing.assert_allclose(maps.adversarial_gain, expected.adversarial_gain, rtol=0, atol=1e-6)


def test_progress_counts_what_is_known_and_what_was_computed_stays_after_a_stop() -> None:
    first = points_of(engine=Counting())
    first.compute(np.arange(24, 32))
    told: list[tuple[int, int]] = []
    seen: list[int] = []
    points = points_of(
        engine=Counting(),
        known=first.changes,
        progress=lambda *it: told.append(it),
        cancelled=lambda: len(told) == 2,
        on_batch=lambda changes: seen.append(int(np.isfinite(changes[0]).sum())),
    )
    with pytest.raises(Cancelled):
        points.complete()
    assert told == [(16, 40), (24, 40)]
    assert np.isfinite(points.changes[0]).sum() == seen[-1] == 24 + 24


def test_a_change_of_an_estimate_may_not_pass_certainty() -> None:
    points = points_of()
    changed = points.of_probabilities(np.full((2, 8, 8), 1000.0))
    before = points.of_probabilities(np.full((2, 8, 8), -np.inf))
    np.testing.assert_allclose(changed - before, 1.0)


def test_known_changes_of_another_grid_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"known changes of shape \(2, 4, 4\)"):
        points_of(known=np.zeros((2, 4, 4)))
