"""Maps in stages, compared with the exact maps."""

from typing import Any

import numpy as np
import pytest

from victims import SHAPE, random_images, victim
from vulneuron.engines import Dense, Watch
from vulneuron.errors import Cancelled
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.image_pair import ImagePair
from vulneuron.maps.points import MapPoints
from vulneuron.maps.stages import MapStage, map_stages
from vulneuron.maps.vulnerability_map import vulnerability_maps


def make_pair() -> ImagePair:
    benign, adversarial = random_images(2, 5)
    return ImagePair(benign, adversarial, benign_label=1, adversarial_label=3)


def run_stages(tolerance: float = 0.02, **options: Any) -> list[MapStage]:
    points = MapPoints(victim(2, steepness=3), make_pair(), PatchGrid(SHAPE[1:], 4), **options)
    return list(map_stages(points, tolerance=tolerance))


def test_computed_points_equal_those_of_the_exact_maps() -> None:
    reports: list[tuple[int, int]] = []
    watch = Watch(lambda *counts: reports.append(counts))
    stages = run_stages(tolerance=0.0, engine=Dense(), watch=watch)
    exact = vulnerability_maps(victim(2, steepness=3), make_pair(), patch=4, engine=Dense())
    for stage in stages:
        for values, expected in (
            (stage.maps.benign_drop, exact.benign_drop),
            (stage.maps.adversarial_gain, exact.adversarial_gain),
        ):
            np.testing.assert_allclose(values[stage.computed], expected[stage.computed], atol=1e-6)
            assert (np.abs(values) <= 1).all()
    last = stages[-1]
    assert (last.maps.patch, last.maps.stride, last.maps.engine) == (4, 1, "anytime")
    assert last.computed.any()
    assert reports[-1] == (last.computed.sum(), 64)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)


def test_the_first_stage_is_a_preview() -> None:
    first, second, *_ = run_stages()
    assert first.maps.engine == "preview"
    assert first.agreement is None
    assert not first.computed.any()
    assert second.agreement is not None
    assert all(-1 <= correlation <= 1 for correlation in second.agreement)


def test_where_the_images_agree_the_maps_are_zero() -> None:
    benign, adversarial = random_images(2, 5)
    adversarial[:, :4] = benign[:, :4]
    pair = ImagePair(benign, adversarial, benign_label=1, adversarial_label=3)
    for stage in map_stages(MapPoints(victim(2), pair, PatchGrid(SHAPE[1:], 2))):
        assert not stage.maps.benign_drop[:4].any()
        assert not stage.maps.adversarial_gain[:4].any()


def test_cancelling_stops_before_the_next_batch() -> None:
    done: list[int] = []
    with pytest.raises(Cancelled):
        run_stages(batch_size=8, watch=Watch(lambda now, _: done.append(now), lambda: len(done) == 1))
    assert done == [8]
