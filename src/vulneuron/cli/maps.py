"""`vulneuron maps`: computes vulnerability maps beforehand and keeps them in the record."""

import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from vulneuron.analysis import Analysis, Settings, VulnerabilityMapSettings, load_classifier, select_pairs
from vulneuron.cli.options import Choices, resumable, settings_options
from vulneuron.measures.choices import check_whole
from vulneuron.network.batch_size import MEMORY
from vulneuron.pipeline.progress import RunProgress
from vulneuron.record import open_record, record_lock
from vulneuron.record.store import is_remote

_MIB = 2**20


@settings_options(VulnerabilityMapSettings, leave_out=("iou_side",))
def command(
    path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")],
    pairs: Annotated[str, typer.Option(help="`all`, numbers such as `1,2`, or a cell such as `cat:dog`.")],
    model: Annotated[
        str | None, typer.Option(help="Where the network is now. [default: where it was for analyze]")
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:N`, `mps`.")] = "auto",
    memory: Annotated[
        int,
        typer.Option(
            help="MiB that the network's maps may take at once, about; the network itself comes on top.",
        ),
    ] = MEMORY // _MIB,
    *,
    choices: Choices,
) -> None:
    """Compute vulnerability maps of many pairs; all that was computed is kept, so it can be interrupted.

    Example: `vulneuron maps run.zarr --pairs cat:dog --stride 2`
    """
    check_whole(memory, "--memory")
    record = open_record(path)
    settings = Settings().replace(**choices)
    analysis = Analysis(record, settings=settings, memory=memory * _MIB)
    chosen = select_pairs(record, pairs)
    missing = missing_maps(analysis, chosen)
    pair_s = "1 pair" if len(chosen) == 1 else f"{len(chosen)} pairs"
    sys.stderr.write(f"{pair_s}, {len(chosen) - len(missing)} with maps already\n")
    if len(missing):
        analysis.prepare_maps()
        analysis.network.attach(load_classifier(record, model, device=device))
        compute_maps(analysis, missing)


def missing_maps(analysis: Analysis, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of the pairs that have no vulnerability maps for the analysis's settings."""
    return np.setdiff1d(pairs, analysis.pairs_with_maps(pairs))


def compute_maps(analysis: Analysis, pairs: npt.NDArray[np.int64]) -> None:
    """Compute the vulnerability maps of these pairs, with an estimate of the time and a bar.

    Raises
    ------
    RecordError
        If another run writes the record: it would compute the same maps.
    """
    if len(pairs) == 0:
        return
    estimate = _Estimate(len(pairs))
    with _alone(analysis.record.path), resumable(), RunProgress() as bars:
        bars.begin("Vulnerability maps", len(pairs))
        for pair in pairs:
            analysis.vulnerability_maps(int(pair), progress=estimate)
            estimate.end_pair()
            bars.advance(1)


def _alone(path: str) -> AbstractContextManager[None]:
    """Hold a record; where no lock can be written beside it, a second run costs time and no more."""
    lockable = is_remote(path) or os.access(Path(path).absolute().parent, os.W_OK)
    return record_lock(path) if lockable else nullcontext()


class _Estimate:
    """Says how long all pairs will take: once two batches of a pair are done, or one pair after the first.

    Parameters
    ----------
    pairs
        How many there are.
    """

    def __init__(self, pairs: int) -> None:
        self._left = pairs
        self._said = False
        self._warm = False
        self._begun = time.perf_counter()
        #: When the first batch of this pair was done, and how many patches were known then.
        self._first: tuple[float, int] | None = None

    def end_pair(self) -> None:
        """Be told that a pair is done."""
        self._left -= 1
        now = time.perf_counter()
        # The first pair also warms up the network.
        if self._warm:
            self._say((now - self._begun) * self._left)
        self._warm, self._begun, self._first = True, now, None

    def __call__(self, done: int, total: int) -> None:
        """Be told of patches of a pair; some may have been known before."""
        now = time.perf_counter()
        if self._first is None:
            self._first = now, done
        else:
            start, before = self._first
            self._say((now - start) / (done - before) * (total * self._left - done))

    def _say(self, seconds: float) -> None:
        if not self._said and self._left:
            sys.stderr.write(f"this will take about {_duration(seconds)}\n")
            self._said = True


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
