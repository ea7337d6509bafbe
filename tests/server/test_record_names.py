"""Names of records in URLs: short, unique, and the same whatever the order."""

import re
import shutil
from itertools import permutations
from pathlib import Path

import pytest

from vulneuron.server.library import Library
from vulneuron.server.record_names import record_names


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["runs/one.zarr", "two"], ["one", "two"]),
        (["runs/a/run.zarr", "runs/b/run.zarr"], ["a-run", "b-run"]),
        (["runs/a/run.zarr", "runs/b/run.zarr", "runs/b/other.zarr"], ["a-run", "b-run", "other"]),
        (["a/x/run.zarr", "b/x/run.zarr", "b/y/run.zarr"], ["a-x-run", "b-x-run", "y-run"]),
        (["/data/a/run.zarr", "/data/q/a-run.zarr", "/data/b/run"], ["data-a-run", "q-a-run", "b-run"]),
        (["s3://one/run.zarr", "s3://two/run.zarr/"], ["one-run", "two-run"]),
        (["/r/höhe & so.zarr", "/r/%.zarr"], ["h-he-so", "record"]),
        # What reads the same in a URL can only be counted.
        (["/r/run.zarr", "/r/run", "/r/run-2.zarr"], ["run-3", "run", "run-2"]),
        (["run.zarr", "./run.zarr/"], ["run-2", "run"]),
    ],
)
def test_names(paths: list[str], expected: list[str]) -> None:
    named = dict(zip(paths, expected, strict=True))
    for order in permutations(paths):
        found = record_names(order)
        assert found == [named[path] for path in order]
        assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in found)


def test_one_record_twice() -> None:
    assert record_names(["r/run.zarr", "q/run.zarr", "r/run.zarr"]) == ["r-run", "q-run", "r-run-2"]


@pytest.mark.slow
def test_a_shared_address_means_the_same_record(linear: Path, tmp_path: Path) -> None:
    first, second = (Path(shutil.copytree(linear, tmp_path / name / "run.zarr")) for name in ("a", "b"))
    for paths in ([first, second], [second, first]):
        library = Library(paths)
        assert Path(library["a-run"].path) == first
        assert Path(library["b-run"].path) == second
        library.close()
