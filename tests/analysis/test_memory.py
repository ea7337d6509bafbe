"""Memory that vulnerability maps may use."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from runs import color_net
from vulneuron.engines import EngineName
from vulneuron.errors import MeasureError


@pytest.mark.parametrize(("engine", "pairs"), [("dense", (0, 1)), ("incremental", (2, 3))])
def test_maps_take_the_memory_that_they_may(
    linear_record: Path, tmp_path: Path, engine: EngineName, pairs: tuple[int, int]
) -> None:
    """With less of it, fewer images go through the network at once."""
    record = shutil.copytree(linear_record, tmp_path / "run.zarr")
    settings = vn.Settings(engine=engine)
    classifier = vn.load_classifier(record, color_net())
    largest = []
    for pair, memory in zip(pairs, (2**14, 2**29), strict=True):
        done: list[int] = [0]
        analysis = vn.Analysis(record, classifier, settings=settings, memory=memory)
        analysis.vulnerability_maps(pair, watch=vn.Watch(lambda now, _, done=done: done.append(now)))  # type: ignore[misc]
        largest.append(max(np.diff(done)))
    assert largest[0] < largest[1] / 2, largest


def test_no_memory_at_all_is_refused(linear_record: Path) -> None:
    with pytest.raises(MeasureError, match="memory = 0"):
        vn.Analysis(linear_record, memory=0)
