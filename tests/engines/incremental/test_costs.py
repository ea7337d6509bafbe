"""Where regions end, with made-up costs."""

import numpy as np
import pytest

from vulneuron.engines.incremental.costs import Costs
from vulneuron.engines.incremental.sizes import Sizes

#: Three steps in a row, each read by the next one only.
ALIVE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], bool)


def costs(whole: list[float], regions: list[float], *, no_cut: int | None = None) -> Costs:
    cuts = np.arange(len(whole) + 1) != no_cut
    return Costs(
        np.array(whole), np.array(regions), Sizes(np.array([100.0, 200.0, 50.0]), np.zeros(3), ALIVE), cuts
    )


@pytest.mark.parametrize(
    ("areas", "cut"),
    [([0.1, 0.2, 0.3], 3), ([0.1, 0.2, 1.0], 2), ([0.5, 0.9, 1.0], 1), ([1.0, 1.0, 1.0], 0)],
)
def test_the_cut_is_where_whole_maps_become_cheaper(areas: list[float], cut: int) -> None:
    # A region as large as the map takes a quarter longer than the map.
    assert costs([4.0, 4.0, 4.0], [5.0, 5.0, 5.0]).cut(np.array(areas)) == cut


def test_a_step_that_is_slow_on_regions_may_be_worth_it_for_the_ones_behind() -> None:
    both = costs([1.0, 10.0, 1.0], [3.0, 10.0, 2.0])
    assert both.cut(np.array([1.0, 0.1, 1.0])) == 2
    assert both.gain(np.array([1.0, 0.1, 1.0])) == pytest.approx(12 / 5, rel=1e-6)
    assert both.gain(np.array([1.0, 1.0, 1.0])) == pytest.approx(1)


def test_a_cut_that_is_not_possible_is_not_made() -> None:
    areas = np.array([0.1, 0.2, 1.0])
    assert costs([4.0] * 3, [5.0] * 3).cut(areas) == 2
    assert costs([4.0] * 3, [5.0] * 3, no_cut=2).cut(areas) == 3
