"""Means and ranks over sets of pairs: a cache, and sums that threads share while they compute them."""

import hashlib
from collections.abc import Hashable
from functools import cached_property
from threading import Lock
from typing import Any, cast
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from vulneuron.analysis.data import Ints
from vulneuron.analysis.settings import Settings
from vulneuron.analysis.vulnerability import PairVulnerability
from vulneuron.measures import NeuronMeasure
from vulneuron.measures.registry import NeuronContext

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
#: Number of cached arrays: those of all measures for several sets of pairs and settings.
_CACHED = 512


class PairSet:
    """A set of pairs with settings, and the vulnerability maps that they have at this moment.

    Parameters
    ----------
    pairs
        Numbers of the pairs.
    settings
        Settings of their values.
    vulnerability
        Vulnerability maps.
    """

    def __init__(self, pairs: Ints, settings: Settings, vulnerability: PairVulnerability) -> None:
        self.pairs, self.settings = pairs, settings
        self._vulnerability = vulnerability

    @cached_property
    def with_maps(self) -> Ints:
        """Those of the pairs that have vulnerability maps."""
        return np.asarray(self.pairs[self._stored.any(axis=0)])

    @cached_property
    def key(self) -> bytes:
        """Short key of the pairs."""
        return _digest(self.pairs)

    def question(self, measure: NeuronMeasure) -> Hashable:
        """Equal for the same measure of these pairs with the same settings and maps."""
        settings = self.settings
        maps = _digest(self._stored) if "vulnerability_maps" in measure.needs else None
        return measure.name, settings.curves, settings.fields, settings.vmaps, maps

    def version(self, value: str) -> Hashable:
        """Changes when a value of the pairs' `NeuronContext` may change."""
        settings = self.settings
        if value in {"activations", "substitution", "feature_maps", "labels", "logits"}:
            return None
        if value == "contributions":
            return settings.curves.weights
        if value == "bands":
            return settings.curves
        if value == "dead":
            return settings.fields
        return settings.curves, settings.fields, settings.vmaps, _digest(self._stored)

    @cached_property
    def _stored(self) -> Bools:
        return self._vulnerability.stored(self.pairs, self.settings.vmaps)


class RunningSums:
    """Sums of measures over a set of pairs, to which threads add one block after the other.

    A thread that asks for means while another one computes them continues after the last block.

    Attributes
    ----------
    lock
        Held by a thread while it adds a block.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._totals: dict[Hashable, Doubles] = {}
        self._counts: dict[Hashable, Doubles] = {}
        self._reached: dict[Hashable, int] = {}

    def reached(self, question: Hashable) -> int:
        """Number of pairs that are in the sums."""
        return self._reached.get(question, 0)

    def add(self, question: Hashable, values: npt.NDArray[Any]) -> None:
        """Add the values ``(pair, neuron)`` of the next block."""
        present = ~np.isnan(values)
        total, count = values.sum(axis=0, where=present, dtype=np.float64), present.sum(axis=0, dtype=float)
        self._totals[question] = self._totals.get(question, 0.0) + total
        self._counts[question] = self._counts.get(question, 0.0) + count
        self._reached[question] = self.reached(question) + len(values)

    def mean(self, question: Hashable) -> Doubles:
        """Mean over the pairs that have a value, ``(neuron,)``; NaN if there are none."""
        total, count = self._totals[question], self._counts[question]
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


class MeasureCache:
    """Means and ranks by measure, set of pairs, and the versions of the values that the measure reads.

    A measure reads few values, such as contributions, each of which depends on few settings: another RF
    threshold leaves the means of most measures unchanged.
    """

    def __init__(self) -> None:
        self._cached: LRUCache[Hashable, Doubles] = LRUCache(_CACHED)
        self._reads: dict[str, frozenset[str]] = {}
        self._running: WeakValueDictionary[bytes, RunningSums] = WeakValueDictionary()
        self._lock = Lock()

    def get(self, measure: NeuronMeasure, pairs: PairSet, *what: Hashable) -> Doubles | None:
        """Cached values of a measure, such as its means; None if there are none."""
        with self._lock:
            return self._cached.get(self._key(measure, pairs, what))

    def keep(self, values: Doubles, measure: NeuronMeasure, pairs: PairSet, *what: Hashable) -> None:
        """Cache values, unless all are missing, because they may become known."""
        if not np.isnan(values).all():
            with self._lock:
                self._cached[self._key(measure, pairs, what)] = values

    def computed(
        self, measure: NeuronMeasure, context: NeuronContext, shape: tuple[int, int]
    ) -> npt.NDArray[Any]:
        """Values of a measure for a block of pairs. The cache remembers which values it reads."""
        reads = _Reads(context)
        values = measure.values(cast(NeuronContext, reads), shape)
        with self._lock:
            self._reads[measure.name] = self._reads.get(measure.name, frozenset()) | reads.names
        return values

    def running(self, pairs: PairSet) -> RunningSums:
        """Sums over these pairs, which all threads share that use them at the same time."""
        with self._lock:
            return self._running.setdefault(pairs.key, RunningSums())

    def _key(self, measure: NeuronMeasure, pairs: PairSet, what: tuple[Hashable, ...]) -> Hashable:
        reads = sorted(self._reads.get(measure.name, ()))
        return (measure.name, pairs.key, what, *(pairs.version(value) for value in reads))


class _Reads:
    """A `NeuronContext` that remembers which of its values are read."""

    def __init__(self, context: NeuronContext) -> None:
        self._context = context
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.names.add(name)
        return getattr(self._context, name)


def _digest(values: npt.NDArray[Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).digest()
