"""The registry of neuron measures; each is declared once, with the function that computes it.

The table of `Analysis.neurons`, rankings, commands, plots, the dashboard's menu and tooltip, and the
documentation read the declarations in `MEASURES`. Other packages add measures through the entry point group
``vulneuron.measures``: each entry point names a module that declares them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from vulneuron.errors import MeasureError, did_you_mean, one_line
from vulneuron.measures.sides import EFFECTS, SIDES, ByEffect, BySide

Values = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

#: Requirements of a measure besides activations and weights; "network" only for a head that is not linear.
Need = Literal["vulnerability_maps", "network", "feature_maps", "two_images"]
NEEDS: tuple[Need, ...] = get_args(Need)
#: Requirements that are slow for many pairs, because they are read or computed pair by pair.
COSTLY: frozenset[Need] = frozenset({"vulnerability_maps", "network", "feature_maps"})
#: Groups of the built-in measures, in the order in which menus show them.
VULNERABILITY = "Vulnerability"
SUBSTITUTION = "Substituting the neuron"
OVERLAP = "Overlap with a vulnerability map"
VALUE = "Value"
GROUPS = (VULNERABILITY, SUBSTITUTION, OVERLAP, VALUE)


class Bounds(Protocol):
    """Lower and upper bound of each neuron's contribution over a class, ``(pair, neuron)``."""

    @property
    def low(self) -> Doubles:
        """Lower bound."""

    @property
    def high(self) -> Doubles:
        """Upper bound."""


class NeuronContext(Protocol):
    """Values of a block of pairs, from which measures are computed; each is computed on first use.

    Unless noted otherwise, arrays are ``(pair, neuron)``.
    """

    @property
    def activations(self) -> BySide[Values]:
        """Activations on both images."""

    @property
    def contributions(self) -> BySide[Doubles]:
        """Contributions on both images, in logits, with the weights selected in the settings."""

    @property
    def bands(self) -> BySide[Bounds]:
        """Bands of the benign and of the adversarial class; NaN for a class with fewer than two images."""

    @property
    def substitution(self) -> ByEffect[Doubles]:
        """Effect of substituting each neuron alone; NaN if this requires a network and there is none."""

    @property
    def overlaps(self) -> ByEffect[Doubles]:
        """IoU of each receptive field with the top mask of each vulnerability map; NaN without maps."""

    @property
    def dead(self) -> BySide[npt.NDArray[np.bool_]]:
        """Whether the neuron captures nothing on each image."""

    @property
    def feature_maps(self) -> BySide[Values]:
        """Feature maps on both images, ``(pair, neuron, row, column)``."""

    @property
    def labels(self) -> BySide[npt.NDArray[np.int64]]:
        """Benign and adversarial label, ``(pair,)``."""

    @property
    def logits(self) -> BySide[Values]:
        """Logits on both images, ``(pair, class)``."""


@dataclass(frozen=True)
class NeuronMeasure:
    """One column of the table of neurons.

    Attributes
    ----------
    name
        Name of the column.
    label
        Name in menus.
    heading
        Column heading in narrow tables; may have two lines.
    meaning
        Meaning of a value, in one sentence.
    formula
        Formula, in the notation of ``docs/measures.md``.
    unit
        Unit of its values, or their range.
    group
        Heading in menus.
    row
        Row heading in the table of one neuron; the columns of a family share a row.
    family, part
        Name of the declaration, and the side or effect of this column; "" if the declaration has one column.
    first
        Values at rank 1, on the left; None if neurons cannot be sorted by the measure.
    ends
        Descriptions of the first and the last neurons of a ranking.
    signed
        Whether the sign is the direction of the attack's effect: negative inhibited, positive excited.
    display
        Format of the values: "number"; "change", with a sign; "share", from 0 to 1.
    needs
        Requirements besides activations and weights.
    missing_because, fix
        Reason why values may be missing, and the remedy, for an error message.
    compute
        Values ``(pair, neuron)`` from a `NeuronContext`.
    """

    name: str
    label: str
    heading: str
    meaning: str
    formula: str
    unit: str
    group: str
    row: str
    family: str
    part: str
    first: Literal["smallest", "largest"] | None
    ends: tuple[str, str]
    signed: bool
    display: Literal["number", "change", "share"]
    needs: frozenset[Need]
    missing_because: str
    fix: str
    compute: Callable[[NeuronContext], Values] = field(repr=False, compare=False)

    @property
    def ranks(self) -> bool:
        """Whether neurons can be sorted by it."""
        return self.first is not None

    @property
    def costly(self) -> bool:
        """Whether it is slow for many pairs."""
        return bool(self.needs & COSTLY)

    def values(self, context: NeuronContext, shape: tuple[int, int]) -> Values:
        """Values of a block of pairs.

        Raises
        ------
        MeasureError
            If the declared function does not return numbers of this shape ``(pair, neuron)``.
        """
        values = np.asarray(self.compute(context))
        if values.shape != shape or values.dtype.kind not in "biuf":
            raise MeasureError(
                f"measure {self.name!r} returned {values.dtype} {values.shape}",
                allowed=f"numbers of shape {shape}, one per pair and neuron",
                fix="correct the function that declares it",
            )
        return values

    def missing(self) -> MeasureError:
        """The error for a measure without any value."""
        return MeasureError(
            f"{self.name} has no values here, {self.missing_because}",
            allowed="a measure with values",
            fix=self.fix,
        )


class MeasureRegistry(Mapping[str, NeuronMeasure]):
    """All declared measures by name; those of other packages are loaded on first use.

    Parameters
    ----------
    group
        Entry point group from which measures of other packages are loaded; none are loaded if None.
    """

    def __init__(self, group: str | None = None) -> None:
        self._group = group
        self._measures: dict[str, NeuronMeasure] = {}
        self._loaded = group is None

    def register(self, measure: NeuronMeasure) -> None:
        """Add a measure.

        Raises
        ------
        MeasureError
            If the name is taken.
        """
        if measure.name in self._measures:
            raise MeasureError(
                f"measure {measure.name!r} is declared twice",
                allowed=f"a name other than {', '.join(self._measures)}",
                fix="rename one of the two",
            )
        self._measures[measure.name] = measure

    def __getitem__(self, name: str) -> NeuronMeasure:
        """Measure of this name."""
        self._load()
        return self._measures[name]

    def __iter__(self) -> Iterator[str]:
        """Names in the order of declaration."""
        self._load()
        return iter(self._measures)

    def __len__(self) -> int:
        """Number of measures."""
        self._load()
        return len(self._measures)

    @property
    def sortable_names(self) -> tuple[str, ...]:
        """Names of the measures that neurons can be sorted by, grouped as in menus."""
        sortable = [measure for measure in self.values() if measure.ranks]
        groups = dict.fromkeys((*GROUPS, *(measure.group for measure in sortable)))
        return tuple(measure.name for group in groups for measure in sortable if measure.group == group)

    def sortable(self, name: str, parameter: str = "sort_by") -> NeuronMeasure:
        """Measure of this name, if neurons can be sorted by it.

        Raises
        ------
        MeasureError
            If there is no such measure, or neurons cannot be sorted by it.
        """
        if name not in self.sortable_names:
            raise MeasureError(
                f"given {parameter} = {name!r}",
                allowed=", ".join(self.sortable_names),
                fix=did_you_mean(str(name), self.sortable_names) or "choose one of these measures",
            )
        return self[name]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for entry in entry_points(group=self._group or ""):
            try:
                entry.load()
            except Exception as error:
                self._loaded = False
                raise MeasureError(
                    f"the measures of {entry.value!r} cannot be loaded ({one_line(error)})",
                    allowed="a module that declares measures with vulneuron.measures.neuron_measure",
                    fix="correct that module, or uninstall the package that provides it",
                ) from error


MEASURES = MeasureRegistry("vulneuron.measures")

ColumnFunction = Callable[[NeuronContext], Values]


def neuron_measure(
    name: str | None = None,
    *,
    label: str,
    meaning: str | Mapping[str, str],
    formula: str | Mapping[str, str],
    unit: str,
    heading: str | Mapping[str, str] | None = None,
    group: str = VALUE,
    row: str | None = None,
    first: Literal["smallest", "largest"] | None = "largest",
    ends: tuple[str, str] | None = None,
    signed: bool = False,
    display: Literal["number", "change", "share"] = "number",
    needs: frozenset[Need] | set[Need] = frozenset(),
    missing_because: str = "because one of its requirements is missing",
    fix: str = "sort by another measure",
    by: Literal["side", "effect"] | None = None,
    registry: MeasureRegistry = MEASURES,
) -> Callable[[Callable[[NeuronContext], Any]], Callable[[NeuronContext], Any]]:
    """Decorator that declares a neuron measure, computed by the function from a `NeuronContext`.

    Parameters
    ----------
    name
        Name of the column; by default the function's name, followed by ``_{part}`` if `by` is not None.
    label, heading, meaning, formula, unit, group, row, first, ends, signed, display, needs,
    missing_because, fix
        As for `NeuronMeasure`. ``{part}`` in `label` stands for the side or effect; `heading`, `meaning` and
        `formula` may map sides or effects to separate texts.
    by
        None for a function that returns values ``(pair, neuron)``. "side" for one that returns a `BySide`,
        which gives the columns ``NAME_benign`` and ``NAME_adversarial``; "effect" for one that returns a
        `ByEffect`, which gives ``NAME_benign_drop`` and ``NAME_adversarial_gain``.
    registry
        Registry that the measure is added to.

    Raises
    ------
    MeasureError
        If a name is taken.

    Examples
    --------
    >>> registry = MeasureRegistry()
    >>> @neuron_measure(label="ratio", meaning="Adversarial over benign activation", formula="a'_k / a_k",
    ...                 unit="1", registry=registry)
    ... def ratio(context):
    ...     return context.activations.adversarial / context.activations.benign
    >>> registry["ratio"].ends
    ('largest ratio', 'smallest ratio')
    """
    parts: tuple[str, ...] = {"side": SIDES, "effect": EFFECTS, None: ("",)}[by]

    def declare(function: Callable[[NeuronContext], Any]) -> Callable[[NeuronContext], Any]:
        template = name or (f"{function.__name__}_{{part}}" if by else function.__name__)
        family = template.replace("_{part}", "")
        for part in parts:
            words = part.replace("_", " ")
            text = label.format(part=words)
            opposite = {"largest": "smallest", "smallest": "largest", None: ""}[first]
            registry.register(
                NeuronMeasure(
                    name=template.format(part=part),
                    label=text,
                    heading=_text(heading or text, part),
                    meaning=_text(meaning, part),
                    formula=_text(formula, part),
                    unit=unit,
                    group=group,
                    row=row or label,
                    family=family,
                    part=part,
                    first=first,
                    ends=ends or (f"{first or ''} {text}".strip(), f"{opposite} {text}".strip()),
                    signed=signed,
                    display=display,
                    needs=frozenset(needs),
                    missing_because=missing_because,
                    fix=fix,
                    compute=_column_function(function, part),
                )
            )
        return function

    return declare


def _text(texts: str | Mapping[str, str], part: str) -> str:
    return texts if isinstance(texts, str) else texts[part]


def _column_function(function: Callable[[NeuronContext], Any], part: str) -> ColumnFunction:
    return (lambda context: function(context)[part]) if part else function
