"""`PairData`: what a record holds of its pairs, read once and kept."""

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
#: Blocks are what is read from disk at once, 4 MiB or so each.
_CACHED_BLOCKS = 16


class PairLabels(TypedDict):
    """Labels of one pair, named as the measures name them."""

    benign_label: int
    adversarial_label: int


class LabelArrays(TypedDict):
    """Labels of many pairs, each ``(pair,)``, named likewise."""

    benign_label: Ints
    adversarial_label: Ints


@dataclass(frozen=True, eq=False)
class FeatureChunk:
    """Feature maps ``(pair, side, neuron, row, column)`` of consecutive pairs, and the pairs' numbers."""

    pairs: slice
    features: Floats


class PairData:
    """Arrays of a finished record, in memory where they are small or were just used.

    Attributes
    ----------
    record
        The record.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self._data = record.dataset
        self._block = lru_cache(_CACHED_BLOCKS)(self._read_block)

    @property
    def count(self) -> int:
        """Number of pairs."""
        return int(self._data.sizes["pair"])

    @property
    def image_size(self) -> tuple[int, int]:
        """``(y, x)`` in pixels."""
        return int(self._data.sizes["y"]), int(self._data.sizes["x"])

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return int(self._data.sizes["neuron"])

    @cached_property
    def benign_label(self) -> Ints:
        """``(pair,)``."""
        return np.asarray(self._data["benign_label"].values, np.int64)

    @cached_property
    def adversarial_label(self) -> Ints:
        """``(pair,)``."""
        return np.asarray(self._data["adversarial_label"].values, np.int64)

    @cached_property
    def activations(self) -> Floats:
        """``(pair, side, neuron)``."""
        return np.asarray(self._data["activation"].values)

    @cached_property
    def logits(self) -> Floats:
        """``(pair, side, class)``."""
        return np.asarray(self._data["logit"].values)

    @property
    def linear(self) -> bool:
        """Whether the head is one dense layer, so that weights are known."""
        return "weight" in self._data

    @cached_property
    def weight(self) -> Floats:
        """``(class, neuron)``, for a linear head."""
        return np.asarray(self._data["weight"].values)

    @cached_property
    def bias(self) -> Floats:
        """``(class,)``, for a linear head."""
        return np.asarray(self._data["bias"].values)

    @cached_property
    def contribution(self) -> Floats:
        """``(pair, side, label, neuron)``, for a head that is not linear."""
        return np.asarray(self._data["contribution"].values)

    @cached_property
    def threshold_features(self) -> Floats:
        """Benign feature maps behind the thresholds, ``(image, neuron, row, column)``: a bounded sample."""
        stored = self.record.array("feature_map")
        return np.asarray(stored.oindex[sample(self.count), BENIGN])

    def neuron_features(self, pairs: Ints, neuron: int) -> Floats:
        """Feature maps of one neuron, ``(pair, side, row, column)``."""
        return np.asarray(self.record.array("feature_map").oindex[pairs, slice(None), neuron])

    def check_pair(self, pair: int) -> int:
        """The pair, as an int that the record has.

        Raises
        ------
        MeasureError
            If it has no such pair.
        """
        if isinstance(pair, bool) or not isinstance(pair, int | np.integer) or not 0 <= pair < self.count:
            raise MeasureError(
                f"given pair {pair!r}",
                allowed=f"0 to {self.count - 1}",
                fix="choose a number from record.pairs",
            )
        return int(pair)

    def features(self, pair: int) -> BySide[Floats]:
        """Feature maps of a pair."""
        return BySide(*self._of_pair("feature_map", pair))

    def images(self, pair: int) -> BySide[Floats]:
        """Images of a pair, in [0, 1]."""
        return BySide(*to_pixels(self._of_pair("image", pair)))

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

    def feature_chunks(self, pairs: Ints) -> Iterator[FeatureChunk]:
        """Feature maps of all pairs that are read together with the given ones, chunk by chunk.

        Reading whole chunks, one after the other, is what the record is fast at.
        """
        stored = self.record.array("feature_map")
        size = int(stored.chunks[0])
        for chunk in np.unique(pairs // size):
            numbers = slice(chunk * size, min((chunk + 1) * size, self.count))
            yield FeatureChunk(numbers, np.asarray(stored[numbers]))

    def _of_pair(self, name: str, pair: int) -> npt.NDArray[Any]:
        size = int(self.record.array(name).chunks[0])
        block: npt.NDArray[Any] = self._block(name, pair // size)
        return np.asarray(block[pair % size])

    def _read_block(self, name: str, block: int) -> npt.NDArray[Any]:
        stored = self.record.array(name)
        size = int(stored.chunks[0])
        return np.asarray(stored[block * size : (block + 1) * size])
