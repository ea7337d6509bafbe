"""Maps the labels of a data set to outputs of a model, in each possible order of numbered folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vulneuron.errors import ImagesError, did_you_mean
from vulneuron.inputs.class_names import (
    IMAGENET_CLASSES,
    are_wordnet_ids,
    imagenet_indices,
    imagenet_names,
    match_names,
)
from vulneuron.inputs.labels import DatasetLabels

OWN = "the data set's order"
NUMERIC = "numeric order"
FROM_ONE = "numeric order from 1"
ALPHABETICAL = "ImageFolder's alphabetical order"
_SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "eval", "dev"))
_SHOWN = 5


@dataclass(frozen=True)
class LabelReading:
    """One way to map the labels of a data set to outputs of a model.

    Attributes
    ----------
    labels
        ``(image,)``, int64, each an output of the model; None if the images are not labeled.
    class_names
        Names of all outputs, in order; None if unknown.
    order
        The order in which numbered folders are the outputs; empty for other labels.
    notes
        Remarks for the user, one sentence each.
    """

    labels: np.ndarray | None
    class_names: tuple[str, ...] | None
    order: str = ""
    notes: tuple[str, ...] = ()


def read_labels(
    own: DatasetLabels, classes: int, class_names: tuple[str, ...] | None
) -> tuple[LabelReading, ...]:
    """Map the labels of a data set to outputs of the model, and name the outputs.

    Folders named by number have several readings if these differ: their numbers, or the alphabetical order
    (0, 1, 10, 11, 2) in which ``ImageFolder`` numbers the classes of a training set.

    Parameters
    ----------
    own
        The labels of the data set.
    classes
        Number of outputs.
    class_names
        Names of the outputs, from the user or the model, if known.

    Returns
    -------
    tuple of LabelReading
        At least one; the first is the default.

    Raises
    ------
    ImagesError
        Names cannot be matched, the model has no output for a label, or the folders are splits of a data set.
    """
    if own.values is None:
        return (LabelReading(None, class_names),)
    labels, names = own.values, own.names
    if names is None or not 0 <= labels.min() <= labels.max() < len(names):
        _check_range(labels, classes)
        return (LabelReading(labels, class_names),)
    used = [names[label] for label in np.unique(labels)]
    if own.are_folders:
        _refuse_splits(used, class_names)
        if own.nested is not None and _prefers_nested(own, used, classes, class_names):
            nested = own.nested.names or ()
            note = f"The classes are the {len(nested):,} innermost folders, such as {nested[0]}."
            return tuple(
                LabelReading(reading.labels, reading.class_names, reading.order, (*reading.notes, note))
                for reading in read_labels(own.nested, classes, class_names)
            )
    return _NamedLabels(own, labels, names, used, classes, class_names).readings()


@dataclass(frozen=True)
class _NamedLabels:
    """Labels of a data set, each with a name, for a model.

    Attributes
    ----------
    own
        The labels of the data set.
    labels, names
        Their values, ``(image,)``, and the name of each value.
    used
        Names that occur.
    classes, class_names
        Number of outputs, and their names, if known.
    """

    own: DatasetLabels
    labels: np.ndarray
    names: tuple[str, ...]
    used: Sequence[str]
    classes: int
    class_names: tuple[str, ...] | None

    def readings(self) -> tuple[LabelReading, ...]:
        """See `read_labels`."""
        matches = self._matches()
        if matches is not None:
            return (self._mapped(matches),)
        if self.own.are_folders and (orders := self._numbered_orders()):
            return self._distinct(orders)
        if not self.own.positional and len(self.names) == self.classes:
            # ImageFolder numbers the folders 0 to 11 in alphabetical order, which the model may not share.
            orders = {OWN: {name: index for index, name in enumerate(self.names)}}
            for order, allowed in ((NUMERIC, range(self.classes)), (FROM_ONE, range(1, self.classes + 1))):
                if numbers := _numbers(self.names, allowed):
                    orders[order] = {name: number - allowed.start for name, number in numbers.items()}
            if len(orders) > 1:
                return self._distinct(orders)
        return (self._by_position(),)

    def _by_position(self) -> LabelReading:
        """The reading of names that are not those of the outputs, from their number and order."""
        names, classes, class_names = self.names, self.classes, self.class_names
        if self.own.are_folders:
            reading = self._without_empty_folders() if class_names is None else None
            if reading is not None:
                return reading
        elif len(names) == classes and not self.own.positional:
            return LabelReading(self.labels, _display(names) if class_names is None else class_names)
        elif numbers := _numbers(self.used, range(classes)):
            return self._mapped(numbers)
        if classes == IMAGENET_CLASSES and (indices := imagenet_indices(self.used, names)) is not None:
            every = sorted(names) if len(names) == IMAGENET_CLASSES else None
            return replace(self._mapped(indices), class_names=class_names or imagenet_names(every))
        if len(names) == classes and class_names is None:
            return LabelReading(self.labels, _display(names))
        raise _no_match(self.own, self.used, classes, class_names)

    def _matches(self) -> dict[str, int] | None:
        """Output of each name in use; None if some match no class name."""
        try:
            matches = match_names(self.used, self.class_names or ())
        except ImagesError:
            # A data set that numbers its labels like the model needs no names.
            if self.own.positional or len(self.names) != self.classes:
                raise
            return None
        return matches if len(matches) == len(self.used) else None

    def _mapped(self, outputs: Mapping[str, int]) -> LabelReading:
        """The reading with this output for each name in use."""
        mapped = np.array([outputs.get(name, -1) for name in self.names], dtype=np.int64)[self.labels]
        return LabelReading(mapped, self.class_names)

    def _numbered_orders(self) -> dict[str, dict[str, int]]:
        """Output of each folder in each possible order; empty if the folders are not output numbers."""
        used, names, classes = self.used, self.names, self.classes
        orders: dict[str, dict[str, int]] = {}
        if numbers := _numbers(used, range(classes)):
            orders[NUMERIC] = numbers
        if from_one := _numbers(used, range(1, classes + 1)):
            complete = len(set(names) & set(used)) == classes
            # Folders 1 to 9 of 10 outputs are most likely a subset of 0 to 9.
            if complete or not numbers:
                orders[FROM_ONE] = {name: number - 1 for name, number in from_one.items()}
        if not orders:
            return {}
        first = 0 if numbers else 1
        # A subset is ordered among the folders of all outputs, written with as many digits.
        width = len(used[0]) if len({len(name) for name in used}) == 1 and used[0].startswith("0") else 0
        every = (
            sorted(names)
            if len(names) == classes
            else sorted(str(number).zfill(width) for number in range(first, first + classes))
        )
        if set(used) <= set(every):
            orders[ALPHABETICAL] = {name: every.index(name) for name in used}
        return orders

    def _distinct(self, orders: Mapping[str, Mapping[str, int]]) -> tuple[LabelReading, ...]:
        """The readings in these orders, without repeats."""
        readings: list[LabelReading] = []
        for order, outputs in orders.items():
            reading = replace(self._mapped(outputs), order=order)
            if any(np.array_equal(reading.labels, other.labels) for other in readings):  # type: ignore[arg-type]
                continue
            by_output = {output: name for name, output in outputs.items()}
            if self.class_names is None and order != NUMERIC and {*by_output} == {*range(self.classes)}:
                names = tuple(by_output[output] for output in range(self.classes))
                reading = replace(reading, class_names=names)
            readings.append(reading)
        return tuple(readings)

    def _without_empty_folders(self) -> LabelReading | None:
        if len(self.names) == self.classes or len(self.used) != self.classes:
            return None
        empty = [name for name in self.names if name not in set(self.used)]
        note = f"{len(empty)} sub-folders without images are not counted as classes ({_listed(empty)})."
        reading = self._mapped({name: index for index, name in enumerate(self.used)})
        return replace(reading, class_names=_display(tuple(self.used)), notes=(note,))


def _display(names: tuple[str, ...]) -> tuple[str, ...]:
    return imagenet_names(names) if are_wordnet_ids(names) else names


def _numbers(names: Sequence[str], allowed: range) -> dict[str, int] | None:
    """The names as numbers; None if one is not a number in the range, or two are equal."""
    numbers = {name: int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10}
    distinct = len(numbers) == len(names) == len(set(numbers.values()))
    return numbers if distinct and all(number in allowed for number in numbers.values()) else None


def _prefers_nested(
    own: DatasetLabels, used: Sequence[str], classes: int, class_names: tuple[str, ...] | None
) -> bool:
    """Whether only the innermost folders fit the model."""
    nested = own.nested.names if own.nested is not None else None
    if nested is None:
        return False
    if class_names is not None:
        return len(match_names(nested, class_names)) == len(nested) and len(
            match_names(used, class_names)
        ) < len(used)
    return len(nested) == classes and classes not in (len(own.names or ()), len(used))


def _refuse_splits(used: Sequence[str], class_names: tuple[str, ...] | None) -> None:
    if not all(name.casefold() in _SPLITS for name in used):
        return
    if len(match_names(used, class_names or ())) == len(used):
        return
    raise ImagesError(
        f"given a folder whose sub-folders are the splits {_listed(used)}, not classes",
        allowed="one sub-folder per class",
        fix=f"give one of the splits, such as the sub-folder {used[-1]}",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _no_match(
    own: DatasetLabels, used: Sequence[str], classes: int, class_names: tuple[str, ...] | None
) -> ImagesError:
    kind = "sub-folders" if own.are_folders else "classes of the data set"
    problem = f"given {len(own.names or ())} {kind} for a model with {classes} outputs"
    if class_names is None:
        return ImagesError(
            f"{problem} whose names are not known ({_listed(used)})",
            allowed=f"{classes} {kind}, or {kind} named by output number",
            fix="pass the names of all outputs with --class-names",
        )
    matches = match_names(used, class_names)
    unmatched = [name for name in used if name not in matches]
    closest = did_you_mean(unmatched[0], class_names)
    return ImagesError(
        f"{problem}; {len(unmatched)} are not class names ({_listed(unmatched)})",
        allowed=f"class names such as {', '.join(class_names[:3])}, or output numbers below {classes}",
        fix=f"rename them or give the names with --class-names{f' ({closest})' if closest else ''}",
    )


def _check_range(labels: np.ndarray, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        bounds = f"go up to {high}" if high >= classes else f"go down to {low}"
        raise ImagesError(
            f"the labels {bounds} but the model has {classes} outputs",
            allowed=f"labels from 0 to {classes - 1}",
            fix="check that images and model belong together",
        )
