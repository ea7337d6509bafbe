"""Selects the images of a run, without those that cannot be decoded."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from vulneuron.errors import ImagesError
from vulneuron.inputs.adversarials import Adversarials
from vulneuron.pipeline.attacking import predicted_labels
from vulneuron.pipeline.progress import RunProgress
from vulneuron.pipeline.run import Run
from vulneuron.pipeline.selection import class_indices, select_images

Ints = npt.NDArray[np.int64]
_SHOWN = 10
_UNKNOWN = -1


def select_sound_images(run: Run, batch_size: int, bars: RunProgress) -> tuple[Ints, Ints, tuple[str, ...]]:
    """Positions and labels of the images of a run, and a note that names the damaged ones left out.

    With a limit per class, other images of the class take the place of damaged ones.

    Raises
    ------
    ImagesError
        More than half of the images are damaged.
    """
    labels, faults = run.images.labels, dict[int, ImagesError]()
    checked: set[int] = set()
    if labels is None:
        every = np.arange(len(run.images))
        faults |= _faults(run, every)
        _refuse_many(faults, len(every))
        sound = np.setdiff1d(every, list(faults))
        labels = np.full(len(every), _UNKNOWN, dtype=np.int64)
        labels[sound] = predicted_labels(run, sound, batch_size, bars)
        checked = set(every.tolist())
    chosen = run.selection.classes
    classes = None if chosen is None else class_indices(chosen, run.class_names)
    while True:
        labels = labels.copy()
        labels[list(faults)] = _UNKNOWN
        positions = select_images(labels, classes, run.selection.limit, unknown=_UNKNOWN)
        unchecked = np.array([place for place in positions.tolist() if place not in checked], dtype=np.int64)
        if not len(unchecked):
            return positions, labels[positions], _notes(run, faults, len(positions))
        checked |= set(unchecked.tolist())
        faults |= _faults(run, unchecked)
        _refuse_many(faults, len(checked))


def _faults(run: Run, positions: Ints) -> dict[int, ImagesError]:
    faults = dict(run.images.faults(positions))
    if isinstance(run.attack, Adversarials):
        faults |= run.attack.faults(positions)
    return faults


def _refuse_many(faults: Mapping[int, ImagesError], checked: int) -> None:
    if 2 * len(faults) <= checked:
        return
    first = faults[min(faults)]
    others = (
        f"; {len(faults) - 1} more of {checked} images cannot be decoded either" if len(faults) > 1 else ""
    )
    raise ImagesError(
        f"{first.given}{others}",
        allowed=first.allowed,
        fix="repair the files or remove them" if others else first.fix,
    )


def _notes(run: Run, faults: Mapping[int, ImagesError], kept: int) -> tuple[str, ...]:
    if not faults:
        return ()
    names = [run.images.ids[position] for position in sorted(faults)]
    listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    total = kept + len(faults)
    verb = "is" if len(names) == 1 else "are"
    return (f"{len(names):,} of {total:,} images {verb} left out, because they cannot be decoded: {listed}.",)
