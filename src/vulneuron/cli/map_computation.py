"""Computation of the vulnerability maps of many pairs, with a progress bar and an estimate of the time."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vulneuron.analysis import Analysis
from vulneuron.cli.options import resumable
from vulneuron.cli.time_estimate import TimeEstimate
from vulneuron.engines import Watch
from vulneuron.pipeline.progress import RunProgress
from vulneuron.record import record_lock
from vulneuron.record.location import is_remote


def missing_maps(analysis: Analysis, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pairs without vulnerability maps for the settings of the analysis."""
    return np.setdiff1d(pairs, analysis.pairs_with_maps(pairs))


def compute_maps(analysis: Analysis, pairs: npt.NDArray[np.int64]) -> None:
    """Compute the vulnerability maps of these pairs, with a progress bar and an estimate of the time.

    Raises
    ------
    RecordError
        If another run is writing to the record, which would compute the same maps.
    """
    if len(pairs) == 0:
        return
    estimate = TimeEstimate(len(pairs))
    with _locked(analysis.record.path), resumable(), RunProgress() as bars:
        bars.begin("Vulnerability maps", len(pairs))
        for pair in pairs:
            analysis.vulnerability_maps(int(pair), watch=Watch(estimate))
            estimate.end_pair()
            bars.advance(1)


def _locked(path: str) -> AbstractContextManager[None]:
    """Lock a record; without write access to its folder, there is no lock, and two runs only waste time."""
    lockable = is_remote(path) or os.access(Path(path).absolute().parent, os.W_OK)
    return record_lock(path) if lockable else nullcontext()
