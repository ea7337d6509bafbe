"""Projections: seeded, of the right shape, neighbors stay neighbors."""

import numpy as np
import numpy.typing as npt
import pytest

from vulneuron.measures.projection import embed, project


def clusters(points: int, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(3, 20)) * 10
    labels = np.arange(points) % 3
    return (centers[labels] + rng.normal(size=(points, 20))).astype(np.float32), labels


def test_clusters_stay_apart() -> None:
    activations, labels = clusters(60)
    projection = embed(activations)
    assert projection.shape == (60, 2)
    distances = np.linalg.norm(projection[:, None] - projection, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).all()


def test_the_same_seed_gives_the_same_projection() -> None:
    activations, _ = clusters(40)
    np.testing.assert_array_equal(embed(activations, seed=3), embed(activations, seed=3))


@pytest.mark.parametrize("points", [1, 2, 5])
def test_few_points_are_projected_to_principal_components(points: int) -> None:
    activations, _ = clusters(points)
    projection = embed(activations)
    assert projection.shape == (points, 2)
    np.testing.assert_allclose(projection.mean(0), 0, atol=1e-4)
    if points > 1:
        # The first axis has the largest spread, and distances never grow.
        assert projection[:, 0].std() >= projection[:, 1].std()
        spread = np.linalg.norm(activations[:, None] - activations, axis=-1)
        assert (np.linalg.norm(projection[:, None] - projection, axis=-1) <= spread + 1e-3).all()


def test_equal_points_and_a_single_neuron_are_projected() -> None:
    assert not embed(np.ones((12, 5), np.float32)).any()
    assert embed(np.arange(12, dtype=np.float32)[:, None]).shape == (12, 2)


def test_sides_are_projected_separately_or_jointly() -> None:
    benign, _ = clusters(30)
    adversarial = benign[::-1].copy()
    alone = project(benign, adversarial)
    together = project(benign, adversarial, joint=True)
    assert alone.shape == together.shape == (30, 2, 2)
    np.testing.assert_array_equal(alone[:, 0], embed(benign))
    # In a joint projection, equal activations of both sides are nearly at the same place.
    gaps = np.linalg.norm(together[:, 0] - together[::-1, 1], axis=-1)
    assert np.median(gaps) < np.ptp(together[:, 0], axis=0).max() / 10
