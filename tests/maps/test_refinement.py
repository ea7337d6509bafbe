"""Stages of a map that is known beforehand."""

from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from vulneuron.maps.refinement import CoarseGrid, Stage, control_weight, stages
from vulneuron.maps.vulnerability_map import top_mask

Doubles = npt.NDArray[np.float64]
SHAPE = (40, 48)


def smooth(seed: int, width: float = 3.0) -> Doubles:
    rng = np.random.default_rng(seed)
    return np.stack([gaussian_filter(rng.normal(size=SHAPE), width) for _ in range(2)])


class Known:
    """Exact values, and which were asked for."""

    def __init__(self, maps: Doubles) -> None:
        self.maps = maps
        self.asked: list[int] = []

    def __call__(self, chosen: npt.NDArray[np.int64]) -> Doubles:
        self.asked += chosen.tolist()
        return self.maps.reshape(2, -1)[:, chosen]


def unknown(shape: tuple[int, int], zeros: npt.NDArray[np.bool_] | None = None) -> Doubles:
    """No exact values, but zeros."""
    return np.stack([np.full(shape, np.nan) if zeros is None else np.where(zeros, 0.0, np.nan)] * 2)


def overlap(stage: Stage, maps: Doubles) -> float:
    masks = [(top_mask(a), top_mask(b)) for a, b in zip(stage.values, maps, strict=True)]
    return min(float((a & b).sum() / (a | b).sum()) for a, b in masks)


def run(maps: Doubles, preview: Doubles, **options: float) -> tuple[list[Stage], Known]:
    exact = Known(maps)
    return list(stages(preview, exact, unknown(SHAPE), **options)), exact


@pytest.mark.parametrize("useful", [True, False])
def test_the_mask_is_settled_long_before_all_points_are_known(useful: bool) -> None:
    maps = smooth(0)
    preview = maps + smooth(1, 6) if useful else smooth(1)
    found, exact = run(maps, preview)
    assert found[0].agreement is None
    np.testing.assert_array_equal(found[0].values, preview)
    last = found[-1]
    assert last.unsettled <= 0.02
    assert overlap(last, maps) > 0.9
    assert last.known.mean() < 0.5
    # Nothing is asked for twice, and what was asked for is exact.
    assert len(set(exact.asked)) == len(exact.asked) == last.known.sum()
    np.testing.assert_array_equal(last.values[:, last.known], maps[:, last.known])


def test_stages_only_add_points_and_do_not_change_each_other() -> None:
    maps = smooth(2)
    exact, seen = Known(maps), []
    for stage in stages(np.zeros_like(maps), exact, unknown(SHAPE)):
        seen += [(stage, stage.values.copy(), stage.known.copy())]
    for (before, *_), (after, *_) in pairwise(seen):
        assert not (before.known & ~after.known).any()
        assert after.known.sum() > before.known.sum()
    for stage, values, known in seen:
        np.testing.assert_array_equal(stage.values, values)
        np.testing.assert_array_equal(stage.known, known)


def test_a_preview_of_use_is_used_and_one_of_none_is_not() -> None:
    maps = smooth(3, 2)
    used, _ = run(maps, maps + smooth(4, 8))
    assert (used[1].weight > 0.9).all()
    assert used[1].agreement is not None
    unused, _ = run(maps, -maps)
    assert (unused[1].weight == 0).all()
    assert unused[1].agreement is not None
    assert (unused[1].agreement < -0.9).all()


def random_map(seed: int, *, peaked: bool) -> tuple[Doubles, Doubles]:
    """Maps of some smoothness, or with sharp peaks on flat ground, and a preview that agrees more or less."""
    rng = np.random.default_rng(seed)
    width = rng.uniform(1, 4)
    maps = np.stack([gaussian_filter(rng.normal(size=SHAPE), width) for _ in range(2)])
    maps /= maps.std()
    maps = np.sign(maps) * np.abs(maps) ** (3 if peaked else 1)
    noise = np.stack([gaussian_filter(rng.normal(size=SHAPE), 1.5 * width) for _ in range(2)])
    return maps, maps * rng.uniform(0, 1) + 4 * width * noise


@pytest.mark.parametrize("top", [5.0, 20.0])
@pytest.mark.parametrize("peaked", [False, True])
def test_no_more_of_the_mask_changes_than_is_told_in_nine_cases_of_ten(peaked: bool, top: float) -> None:
    held, changed_after_all = [], []
    for seed in range(40):
        maps, preview = random_map(seed, peaked=peaked)
        for stage in run(maps, preview, top=top)[0][1:]:
            changed = max(
                float((a & ~b).sum() / b.sum())
                for a, b in (
                    (top_mask(estimate, top), top_mask(exact, top))
                    for estimate, exact in zip(stage.values, maps, strict=True)
                )
            )
            held.append(changed <= stage.unsettled)
        changed_after_all.append(changed)
    assert np.mean(held) >= 0.9
    # And it is not told too carefully to be of use: maps do settle, with few points on the wrong side.
    assert np.median(changed_after_all) <= 0.02


def test_a_perfect_preview_needs_the_coarse_grid_only() -> None:
    maps = smooth(5)
    found, exact = run(maps, maps.copy())
    assert len(found) == 2
    assert len(exact.asked) == 10 * 12
    np.testing.assert_allclose(found[-1].values, maps, atol=1e-12)


def test_points_that_are_zero_for_certain_are_not_asked_for() -> None:
    maps = smooth(6)
    zeros = np.zeros(SHAPE, np.bool_)
    zeros[:, :20] = True
    maps[:, zeros] = 0
    exact = Known(maps)
    *_, last = stages(smooth(7), exact, unknown(SHAPE, zeros))
    assert not zeros.ravel()[exact.asked].any()
    assert not last.values[:, zeros].any()


@pytest.mark.parametrize("until", [2, 4, 100])
def test_a_run_that_was_stopped_goes_on_with_what_it_knows(until: int) -> None:
    maps, preview = smooth(8, 2), smooth(9, 2)
    stopped = run(maps, preview)[0][:until][-1]
    exact = Known(maps)
    found = list(stages(preview, exact, np.where(stopped.known, maps, np.nan)))
    assert not stopped.known.ravel()[exact.asked].any()
    # The first grid is known, so there is no preview.
    assert found[0].agreement is not None
    np.testing.assert_array_equal(found[0].known, stopped.known)
    assert found[-1].unsettled <= 0.02
    assert overlap(found[-1], maps) > 0.9


def test_points_beside_the_first_grid_correct_what_is_around_them() -> None:
    maps = smooth(3, 3)
    columns = np.arange(SHAPE[1])
    beside = np.broadcast_to(columns % 2 == 1, SHAPE)
    errors = []
    for given in (unknown(SHAPE), np.where(beside, maps, np.nan)):
        estimate = next(
            stage for stage in stages(np.zeros_like(maps), Known(maps), given) if stage.agreement is not None
        )
        np.testing.assert_array_equal(estimate.values[:, estimate.known], maps[:, estimate.known])
        errors.append(np.abs(estimate.values - maps)[:, ~beside].mean())
    assert errors[1] < errors[0] / 2


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_memory_order_of_arrays_does_not_matter(order: Literal["C", "F"]) -> None:
    maps, given = smooth(6), np.asarray(unknown(SHAPE), order=order)
    *_, last = stages(np.asarray(smooth(7), order=order), Known(maps), given)
    assert last.known.sum() > 120
    np.testing.assert_array_equal(last.values[:, last.known], maps[:, last.known])


def test_less_tolerance_takes_more_points() -> None:
    maps, preview = smooth(8, 2), smooth(9, 2)
    points = [run(maps, preview, tolerance=it)[0][-1].known.sum() for it in (0.2, 0.05, 0.0)]
    assert points == sorted(points)
    assert points[0] < points[-1]


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (1, 40), (8, 8)])
def test_small_and_flat_maps(shape: tuple[int, int]) -> None:
    maps = np.zeros((2, *shape))
    found = list(stages(maps.copy(), lambda chosen: np.zeros((2, len(chosen))), unknown(shape)))
    assert not found[-1].values.any()


@pytest.mark.parametrize("spots", [[(17, 22)], [(3, 3), (36, 44)], [(0, 0), (0, 47), (39, 0), (20, 25)]])
def test_what_the_attack_can_change_is_found_between_the_points_of_a_coarse_grid(
    spots: list[tuple[int, int]],
) -> None:
    zeros = np.ones(SHAPE, np.bool_)
    for i, j in spots:
        zeros[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] = False
    maps = np.where(zeros, 0.0, smooth(0) + 1)
    *_, last = stages(np.zeros_like(maps), Known(maps), unknown(SHAPE, zeros))
    np.testing.assert_array_equal(last.values, maps)


def test_a_map_without_a_preview_begins_with_the_coarse_grid() -> None:
    maps = smooth(1)
    found, _ = run(maps, np.zeros_like(maps))
    assert found[0].known.any()
    assert found[0].agreement is not None
    assert not found[0].agreement.any()
    assert found[-1].unsettled <= 0.02


@pytest.mark.parametrize("seed", range(10))
def test_the_last_stage_is_settled_however_small_and_rough_a_map_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(2, 40, 2))
    maps = rng.normal(size=(2, *shape)) ** 3
    *_, last = stages(rng.normal(size=maps.shape), Known(maps), unknown(shape))
    assert last.unsettled <= 0.02


def test_one_peak_on_flat_ground() -> None:
    maps = np.zeros((2, *SHAPE))
    maps[:, 13, 21] = 1
    *_, last = stages(maps / 2, Known(maps), unknown(SHAPE))
    assert last.unsettled <= 0.02


def test_no_tolerance_computes_all_points() -> None:
    maps = smooth(2)
    *_, last = stages(smooth(3), Known(maps), unknown(SHAPE), tolerance=0.0)
    np.testing.assert_array_equal(last.values, maps)


def test_interpolation_is_exact_on_planes_up_to_the_last_point() -> None:
    rows, columns = np.mgrid[:13, :9]
    plane = 2.0 * rows - columns
    grid = CoarseGrid((13, 9), 4)
    np.testing.assert_allclose(grid.interpolated(np.where(grid.points, plane, np.nan)), plane)


def test_the_weight_of_a_control_is_found_again() -> None:
    rng, grid = np.random.default_rng(0), CoarseGrid((13, 9), 2)
    control = rng.normal(size=(13, 9))
    rows, columns = np.mgrid[:13, :9]
    for weight, expected in ((0.3, 0.3), (-2.0, 0.0), (1.7, 1.0)):
        # A constant is interpolated without an error wherever it is.
        assert control_weight(weight * control + 5, control, grid) == pytest.approx(expected)
    assert control_weight(rows + columns + 0.0, np.zeros((13, 9)), grid) == 0
