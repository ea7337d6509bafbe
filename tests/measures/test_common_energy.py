"""Common energies, compared with a plain matrix product and with numbers worked out by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from vulneuron.errors import MeasureError
from vulneuron.measures.common_energy import common_energy
from vulneuron.measures.fields import masks

Bools = npt.NDArray[np.bool_]


def slow_energy(fields: Bools, energy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([[(energy * (one & other)).sum() for other in fields] for one in fields])


def test_three_masks_by_hand() -> None:
    energy = np.array([[1.0, 2], [4, 8]])
    fields = np.array([[[1, 1], [0, 0]], [[0, 1], [0, 1]], [[0, 0], [0, 0]]], bool)
    expected = [[3, 2, 0], [2, 10, 0], [0, 0, 0]]
    np.testing.assert_allclose(common_energy(fields, energy), expected, rtol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 9), (16, 24), (33, 50)])
@pytest.mark.parametrize("density", [0.02, 0.5, 0.98])
def test_noise_masks_equal_the_matrix_product(size: tuple[int, int], density: float) -> None:
    rng = np.random.default_rng(0)
    fields, energy = rng.random((20, *size)) < density, rng.random(size)
    energies = common_energy(fields, energy)
    np.testing.assert_allclose(energies, slow_energy(fields, energy), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(energies, energies.T)


@pytest.mark.parametrize("cells", [3, 7])
def test_receptive_fields_equal_the_matrix_product(cells: int) -> None:
    """More masks than one piece of a product, including empty and full ones."""
    rng = np.random.default_rng(cells)
    maps = rng.normal(size=(100, cells, cells)) + np.linspace(-5, 5, 100)[:, None, None]
    fields = masks(maps, 0.5, (56, 40))
    energy = rng.random((56, 40))
    energy[:20] = 0
    assert not fields[0].any()
    assert fields[-1].all()
    expected = slow_energy(fields, energy)
    np.testing.assert_allclose(common_energy(fields, energy), expected, rtol=1e-12, atol=1e-9)


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(MeasureError, match=r"float64 \(2, 4, 4\)"):
        common_energy(np.zeros((2, 4, 4)), np.ones((4, 4)))  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match=r"image of \(4, 5\)"):
        common_energy(np.zeros((2, 4, 4), bool), np.ones((4, 5)))
    with pytest.raises(MeasureError, match=r"bool \(4, 4\)"):
        common_energy(np.zeros((4, 4), bool), np.ones((4, 4)))
