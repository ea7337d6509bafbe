"""A cache of means and ranks over sets of pairs."""

import hashlib
from collections.abc import Hashable
from functools import cached_property
from threading import Lock
from typing import Any, cast

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
#: All measures of several sets of pairs with several settings.
_CACHED = 512


class PairSet:
    """A set of pairs with settings, and the vulnerability maps that it has at this moment.

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


class MeasureCache:
    """Means and ranks by measure, set of pairs, and the versions of the values that the measure reads.

    A measure is computed from a few values, such as contributions, most of which do not depend on most
    settings: another threshold of receptive fields leaves the means of most measures unchanged.
    """

    def __init__(self) -> None:
        self._cached: LRUCache[Hashable, Doubles] = LRUCache(_CACHED)
        self._reads: dict[str, frozenset[str]] = {}
        self._lock = Lock()

    def get(self, measure: NeuronMeasure, pairs: PairSet, *what: Hashable) -> Doubles | None:
        """What is cached of a measure; None if it is not."""
        with self._lock:
            return self._cached.get(self._key(measure, pairs, what))

    def keep(self, values: Doubles, measure: NeuronMeasure, pairs: PairSet, *what: Hashable) -> None:
        """Cache values, unless all are missing: they may become known."""
        if not np.isnan(values).all():
            with self._lock:
                self._cached[self._key(measure, pairs, what)] = values

    def computed(
        self, measure: NeuronMeasure, context: NeuronContext, shape: tuple[int, int]
    ) -> npt.NDArray[Any]:
        """Values of a measure for a block of pairs; remembers what it reads."""
        reads = _Reads(context)
        values = measure.values(cast(NeuronContext, reads), shape)
        with self._lock:
            self._reads[measure.name] = self._reads.get(measure.name, frozenset()) | reads.names
        return values

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
