"""The step from which whole feature maps are computed, with made-up costs."""

import numpy as np
import pytest

from vulneuron.engines.incremental.costs import StepCosts
from vulneuron.engines.incremental.sizes import StepSizes

#: A chain of three steps, each read only by the next.
ALIVE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], bool)


def costs(whole: list[float], regions: list[float], *, no_cut: int | None = None) -> StepCosts:
    cuts = np.arange(len(whole) + 1) != no_cut
    return StepCosts(
        np.array(whole),
        np.array(regions),
        StepSizes(np.array([100.0, 200.0, 50.0]), np.zeros(3), ALIVE),
        cuts,
    )


@pytest.mark.parametrize(
    ("areas", "cut"),
    [([0.1, 0.2, 0.3], 3), ([0.1, 0.2, 1.0], 2), ([0.5, 0.9, 1.0], 1), ([1.0, 1.0, 1.0], 0)],
)
def test_the_cut_is_where_whole_feature_maps_become_cheaper(areas: list[float], cut: int) -> None:
    # A region as large as the feature map takes a quarter longer than the feature map itself.
    assert costs([4.0, 4.0, 4.0], [5.0, 5.0, 5.0]).cut(np.array(areas)) == cut


def test_a_slow_step_on_regions_pays_off_through_later_steps() -> None:
    both = costs([1.0, 10.0, 1.0], [3.0, 10.0, 2.0])
    assert both.cut(np.array([1.0, 0.1, 1.0])) == 2
    assert both.speedup(np.array([1.0, 0.1, 1.0])) == pytest.approx(12 / 5, rel=1e-6)
    assert both.speedup(np.array([1.0, 1.0, 1.0])) == pytest.approx(1)


def test_an_impossible_cut_is_never_chosen() -> None:
    areas = np.array([0.1, 0.2, 1.0])
    assert costs([4.0] * 3, [5.0] * 3).cut(areas) == 2
    assert costs([4.0] * 3, [5.0] * 3, no_cut=2).cut(areas) == 3
