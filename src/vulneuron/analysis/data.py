"""`PairData` and `LayerData`: a record's arrays, read once and cached."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vulneuron.analysis.results import Pair
from vulneuron.errors import MeasureError
from vulneuron.measures.sides import BySide
from vulneuron.measures.thresholds import sample
from vulneuron.record import Record
from vulneuron.record.schema import BENIGN, to_pixels

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
#: Blocks are read from disk at once, about 1 MiB each.
_CACHED_BLOCKS = 16


class PairLabels(TypedDict):
    """Labels of one pair, as keyword arguments of the measures."""

    benign_label: int
    adversarial_label: int


class LabelArrays(TypedDict):
    """Labels of many pairs, each ``(pair,)``, as keyword arguments of the measures."""

    benign_label: Ints
    adversarial_label: Ints


@dataclass(frozen=True, eq=False)
class FeatureChunk:
    """Feature maps ``(pair, side, neuron, row, column)`` of consecutive pairs, and the pairs' numbers."""

    pairs: slice
    features: Floats


class PairData:
    """Values that do not depend on the layer; small or recently used arrays are in memory.

    Attributes
    ----------
    record
        A finished record with pairs.
    """

    def __init__(self, record: Record) -> None:
        record.require_pairs()
        self.record = record
        self._data = record.dataset
        self._images = _Blocks(record.array("image"))

    @property
    def count(self) -> int:
        """Number of pairs."""
        return int(self._data.sizes["pair"])

    @property
    def image_size(self) -> tuple[int, int]:
        """``(y, x)`` in pixels."""
        return int(self._data.sizes["y"]), int(self._data.sizes["x"])

    @cached_property
    def benign_label(self) -> Ints:
        """``(pair,)``."""
        return np.asarray(self._data["benign_label"].values, np.int64)

    @cached_property
    def adversarial_label(self) -> Ints:
        """``(pair,)``."""
        return np.asarray(self._data["adversarial_label"].values, np.int64)

    @cached_property
    def logits(self) -> Floats:
        """``(pair, side, class)``."""
        return np.asarray(self._data["logit"].values)

    def check_pair(self, pair: int) -> int:
        """The pair as an int, after checking it.

        Raises
        ------
        MeasureError
            If the record has no such pair.
        """
        if isinstance(pair, bool) or not isinstance(pair, int | np.integer) or not 0 <= pair < self.count:
            raise MeasureError(
                f"given pair {pair!r}",
                allowed=f"0 to {self.count - 1}",
                fix="choose a number from record.pairs",
            )
        return int(pair)

    def images(self, pair: int) -> BySide[Floats]:
        """Images of a pair, in [0, 1]."""
        return BySide(*to_pixels(self._images.pair(pair)))

    def labels(self, pair: int) -> PairLabels:
        """Benign and adversarial label of a pair."""
        return {
            "benign_label": int(self.benign_label[pair]),
            "adversarial_label": int(self.adversarial_label[pair]),
        }

    def labels_of(self, pairs: Ints) -> LabelArrays:
        """Benign and adversarial labels of many pairs."""
        return {
            "benign_label": self.benign_label[pairs],
            "adversarial_label": self.adversarial_label[pairs],
        }

    def describe(self, pair: int) -> Pair:
        """Labels, probabilities and perturbation of a pair."""
        columns: Any = self.record.pairs.loc[pair]
        benign, adversarial = softmax(self.logits[pair].astype(np.float64), axis=1)
        return Pair(
            number=pair,
            image_id=columns["image_id"],
            image_index=int(columns["image_index"]),
            benign_label=columns["benign_label"],
            adversarial_label=columns["adversarial_label"],
            benign_probabilities=benign,
            adversarial_probabilities=adversarial,
            perturbation_l2=float(columns["perturbation_l2"]),
            perturbation_linf=float(columns["perturbation_linf"]),
            survives_8bit=bool(columns["survives_8bit"]),
        )


class LayerData(PairData):
    """The pairs, and the values of the neurons of one layer.

    Attributes
    ----------
    layer
        The layer in the record.
    """

    def __init__(self, record: Record, layer: str | None = None) -> None:
        super().__init__(record)
        self.layer = record.layer(layer)
        self._layer_data = self.layer.dataset
        self._features = _Blocks(self.layer.array("feature_map"))

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.layer.neurons

    @property
    def linear(self) -> bool:
        """Whether the head is one dense layer, whose weights the record contains."""
        return self.layer.linear

    @cached_property
    def activations(self) -> Floats:
        """``(pair, side, neuron)``."""
        return np.asarray(self._layer_data["activation"].values)

    @cached_property
    def weight(self) -> Floats:
        """``(class, neuron)``, for a linear head."""
        return np.asarray(self._layer_data["weight"].values)

    @cached_property
    def bias(self) -> Floats:
        """``(class,)``, for a linear head."""
        return np.asarray(self._layer_data["bias"].values)

    @cached_property
    def contribution(self) -> Floats:
        """``(pair, side, label, neuron)``, for a head that is not linear."""
        return np.asarray(self._layer_data["contribution"].values)

    @cached_property
    def projection(self) -> Floats:
        """``(pair, side, axis)``: the activations in two dimensions."""
        return np.asarray(self._layer_data["projection"].values)

    @cached_property
    def threshold_features(self) -> Floats:
        """Benign feature maps for the thresholds, ``(image, neuron, row, column)``: a bounded sample."""
        stored = self._features.stored
        return np.asarray(stored.oindex[sample(self.count), BENIGN])

    def neuron_features(self, pairs: Ints, neuron: int) -> Floats:
        """Feature maps of one neuron, ``(pair, side, row, column)``."""
        return np.asarray(self._features.stored.oindex[pairs, slice(None), neuron])

    def features(self, pair: int) -> BySide[Floats]:
        """Feature maps of a pair."""
        return BySide(*self._features.pair(pair))

    def feature_chunks(self, pairs: Ints) -> Iterator[FeatureChunk]:
        """Feature maps of all chunks that contain the given pairs, chunk by chunk.

        A record is read fastest in whole chunks, one after the other.
        """
        stored = self._features.stored
        size = int(stored.chunks[0])
        for chunk in np.unique(pairs // size):
            numbers = slice(chunk * size, min((chunk + 1) * size, self.count))
            yield FeatureChunk(numbers, np.asarray(stored[numbers]))


class _Blocks:
    """One array of the record, read from disk block by block; recent blocks are cached."""

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self._size = int(stored.chunks[0])
        self._block = lru_cache(_CACHED_BLOCKS)(self._read)

    def pair(self, pair: int) -> npt.NDArray[Any]:
        """The values of a pair."""
        return np.asarray(self._block(pair // self._size)[pair % self._size])

    def _read(self, block: int) -> npt.NDArray[Any]:
        return np.asarray(self.stored[block * self._size : (block + 1) * self._size])
