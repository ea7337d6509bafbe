"""Progress of an unfinished run, from the markers of the blocks that it has written."""

import os
from dataclasses import dataclass
from typing import Any, Literal

from vulneuron.errors import RecordError
from vulneuron.record.opening import open_group
from vulneuron.record.schema import RUN, Phase, block_size, layer_group

Step = Literal["start", "attack", "capture", "project"]


@dataclass(frozen=True)
class UnfinishedRun:
    """Progress of an unfinished run.

    Attributes
    ----------
    step
        Current step of the run: it starts, attacks images, captures pairs, or projects activations.
    done, total
        Number of images attacked or pairs captured so far, and of all; 0 in the other steps.
    """

    step: Step
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        """In words, such as "1,200 of 10,000 images attacked"."""
        counted = {"attack": "images attacked", "capture": "pairs captured"}.get(self.step)
        if counted is not None:
            return f"{self.done:,} of {self.total:,} {counted}"
        return "starting" if self.step == "start" else "projecting activations"


def unfinished_run(path: str | os.PathLike[str]) -> UnfinishedRun:
    """Progress of the run of an unfinished record.

    Raises
    ------
    RecordError
        If there is no record, or parts of it are missing.
    """
    group = open_group(path)
    try:
        return _progress(group)
    except (KeyError, OSError, ValueError) as error:
        raise RecordError(
            f"the progress of record {str(path)!r} cannot be read ({type(error).__name__})",
            allowed="an undamaged record",
            fix="run the same `vulneuron analyze` command again",
        ) from error


def _progress(group: Any) -> UnfinishedRun:
    phase = Phase(group.attrs["phase"])
    if phase is Phase.CREATE:
        return UnfinishedRun("start")
    if phase is Phase.ATTACK:
        # A marker is a chunk, which exists once its block is complete.
        outcome = group[RUN]["outcome"]
        return _counted("attack", outcome, int(group.attrs["images_per_block"]), outcome.shape[0])
    size = block_size(group.attrs, [group[layer_group(name)].attrs for name in group.attrs["layers"]])
    captured = _counted(
        "capture", group[RUN]["captured"], size.pairs_per_block, group[RUN]["pair_rows"].shape[0]
    )
    return UnfinishedRun("project") if captured.done == captured.total else captured


def _counted(step: Step, markers: Any, per_block: int, total: int) -> UnfinishedRun:
    return UnfinishedRun(step, min(markers.nchunks_initialized * per_block, total), total)
