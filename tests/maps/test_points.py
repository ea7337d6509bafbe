"""Points of maps: each is computed once, as a change of log-probabilities."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from victims import SHAPE, random_images, victim
from vulneuron.engines import Batch, Dense, Watch
from vulneuron.errors import Cancelled, MeasureError
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.image_pair import ImagePair
from vulneuron.maps.points import MapPoints
from vulneuron.maps.vulnerability_map import exact_maps, vulnerability_maps


class Counting:
    """The dense engine, recording the number of patches of each call."""

    name = "counting"

    def __init__(self) -> None:
        self.patches: list[int] = []
        self._dense = Dense()

    def __call__(self, *images: Any, patch: int, batch_size: int | None = None) -> Iterator[Batch]:
        self.patches.append(len(images[-1]))
        return self._dense(*images, patch=patch, batch_size=8)


def images() -> tuple[Tensor, Tensor]:
    benign, adversarial = random_images(2, 5)
    adversarial[:, :3] = benign[:, :3]
    return benign, adversarial


def make_pair() -> ImagePair:
    return ImagePair(*images(), benign_label=1, adversarial_label=3)


def make_points(**options: Any) -> MapPoints:
    return MapPoints(victim(2, steepness=3), make_pair(), PatchGrid(SHAPE[1:], 2), **options)


def test_computed_points_are_changes_of_log_probabilities() -> None:
    points, classifier = make_points(), victim(2, steepness=3)
    benign, adversarial = images()
    row, column = 5, 4
    changes = points.compute(np.array([row * 8 + column]))
    patched = benign.clone()
    patched[:, row - 1 : row + 1, column - 1 : column + 1] = adversarial[
        :, row - 1 : row + 1, column - 1 : column + 1
    ]
    before, after = (
        classifier.logits(image[None]).double().log_softmax(1)[0, [1, 3]].numpy()
        for image in (benign, patched)
    )
    np.testing.assert_allclose(changes[:, 0], after - before, atol=1e-6)
    changed = points.probability_changes(points.changes)[:, row, column]
    np.testing.assert_allclose(changed, np.exp(after) - np.exp(before), atol=1e-6)
    # All else is missing, except where the images agree.
    assert np.isfinite(points.changes).sum() == 2 * (1 + 3 * 8)
    assert not points.changes[:, :3].any()


def test_no_point_is_computed_twice() -> None:
    engine = Counting()
    points = make_points(engine=engine)
    points.compute(np.arange(20, 40))
    points.compute(np.arange(30, 50))
    points.compute(np.arange(20, 50))
    points.compute(np.arange(10))
    assert engine.patches == [16, 10]
    again = Counting()
    maps = exact_maps(make_points(engine=again, computed=points.changes))
    assert again.patches == [5 * 8 - 26]
    expected = vulnerability_maps(victim(2, steepness=3), make_pair(), patch=2, engine=Dense())
    np.testing.assert_allclose(maps.benign_drop, expected.benign_drop, rtol=0, atol=1e-6)
    np.testing.assert_allclose(maps.adversarial_gain, expected.adversarial_gain, rtol=0, atol=1e-6)


def test_progress_counts_earlier_points_and_cancelling_keeps_the_new_ones() -> None:
    first = make_points(engine=Counting())
    first.compute(np.arange(24, 32))
    reports: list[tuple[int, int]] = []
    computed: list[int] = []
    points = make_points(
        engine=Counting(),
        computed=first.changes,
        watch=Watch(lambda *counts: reports.append(counts), lambda: len(reports) == 2),
        on_batch=lambda changes: computed.append(int(np.isfinite(changes[0]).sum())),
    )
    with pytest.raises(Cancelled):
        points.complete()
    assert reports == [(16, 40), (24, 40)]
    assert np.isfinite(points.changes[0]).sum() == computed[-1] == 24 + 24


def test_estimated_probabilities_are_capped_at_one() -> None:
    points = make_points()
    changed = points.probability_changes(np.full((2, 8, 8), 1000.0))
    before = points.probability_changes(np.full((2, 8, 8), -np.inf))
    np.testing.assert_allclose(changed - before, 1.0)


def test_changes_of_another_grid_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"computed changes of shape \(2, 4, 4\)"):
        make_points(computed=np.zeros((2, 4, 4)))


def test_a_grid_for_another_image_size_is_refused() -> None:
    with pytest.raises(MeasureError, match=r"given a grid for images of 6 x 8 pixels. Allowed: .* 8 x 8"):
        MapPoints(victim(2), make_pair(), PatchGrid((6, 8), 2))
