"""Contract tests of neuron measures, and random values to compute them from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vulneuron.measures import ByEffect, BySide, NeuronMeasure
from vulneuron.measures.bands import Band

_CLASSES, _CELLS = 3, 2


@dataclass(frozen=True, eq=False)
class ArrayContext:
    """A `vulneuron.measures.NeuronContext` that returns the given arrays; see there for their shapes."""

    activations: BySide[npt.NDArray[Any]]
    contributions: BySide[npt.NDArray[np.float64]]
    bands: BySide[Band]
    substitution: ByEffect[npt.NDArray[np.float64]]
    overlaps: ByEffect[npt.NDArray[np.float64]]
    dead: BySide[npt.NDArray[np.bool_]]
    feature_maps: BySide[npt.NDArray[Any]]
    labels: BySide[npt.NDArray[np.int64]]
    logits: BySide[npt.NDArray[Any]]

    @classmethod
    def random(cls, pairs: int, neurons: int, seed: int) -> "ArrayContext":
        """Random values in realistic ranges; benign and adversarial labels differ."""
        rng = np.random.default_rng(seed)
        shape = (pairs, neurons)
        features = BySide(*rng.random((2, *shape, _CELLS, _CELLS), np.float32))
        labels = rng.integers(_CLASSES, size=pairs)
        bands = [np.sort(rng.normal(size=(2, *shape)), axis=0) for _ in range(2)]
        return cls(
            activations=BySide(*(side.mean(axis=(-2, -1)) for side in features)),
            contributions=BySide(*rng.normal(size=(2, *shape))),
            bands=BySide(*(Band(low, high) for low, high in bands)),
            substitution=ByEffect(*rng.uniform(-1, 1, (2, *shape))),
            overlaps=ByEffect(*rng.random((2, *shape))),
            dead=BySide(*rng.random((2, *shape)) < 0.2),
            feature_maps=features,
            labels=BySide(labels, (labels + 1) % _CLASSES),
            logits=BySide(*rng.normal(size=(2, pairs, _CLASSES))),
        )


class MeasureTests:
    """Contract of every neuron measure.

    Inherit from this class, and provide the fixture `measure`.

    Examples
    --------
    >>> class TestLogRatio(MeasureTests):
    ...     @pytest.fixture
    ...     def measure(self):
    ...         return vulneuron.measures.MEASURES["log_ratio"]
    """

    @pytest.fixture
    def measure(self) -> NeuronMeasure:
        """The measure to test."""
        pytest.fail("provide the fixture `measure`")

    @pytest.mark.parametrize(("pairs", "neurons"), [(1, 1), (2, 5), (7, 3)])
    def test_one_number_per_pair_and_neuron(self, measure: NeuronMeasure, pairs: int, neurons: int) -> None:
        """Values have the shape ``(pair, neuron)``, even for a single pair or neuron."""
        context = ArrayContext.random(pairs, neurons, seed=pairs)
        assert measure.values(context, (pairs, neurons)).shape == (pairs, neurons)

    def test_pairs_do_not_influence_each_other(self, measure: NeuronMeasure) -> None:
        """Values of a pair do not depend on the other pairs in the block."""
        whole = ArrayContext.random(pairs=6, neurons=4, seed=0)
        values = measure.values(whole, (6, 4))
        for pair in range(6):
            alone = measure.values(_rows(whole, slice(pair, pair + 1)), (1, 4))
            np.testing.assert_allclose(alone[0], values[pair], rtol=1e-6)

    def test_nothing_is_changed(self, measure: NeuronMeasure) -> None:
        """The values of the context are not modified."""
        context, untouched = (ArrayContext.random(pairs=3, neurons=4, seed=0) for _ in range(2))
        measure.values(context, (3, 4))
        for name in ("activations", "contributions", "substitution", "overlaps", "dead", "feature_maps"):
            for before, after in zip(getattr(untouched, name), getattr(context, name), strict=True):
                np.testing.assert_array_equal(before, after)

    def test_texts_are_complete(self, measure: NeuronMeasure) -> None:
        """Texts for menus, tooltips and documentation exist."""
        texts = (measure.name, measure.label, measure.heading, measure.meaning, measure.formula, measure.unit)
        assert all(text and "{" not in text for text in texts)
        assert measure.name.isidentifier()
        assert not measure.meaning.endswith(".")
        assert measure.ranks == (measure.first is not None)


def _rows(context: ArrayContext, rows: slice) -> ArrayContext:
    def cut(value: Any) -> Any:
        if isinstance(value, Band):
            return Band(value.low[rows], value.high[rows])
        return value[rows]

    fields = {name: getattr(context, name) for name in context.__dataclass_fields__}
    return ArrayContext(**{name: type(twice)(*map(cut, twice)) for name, twice in fields.items()})
