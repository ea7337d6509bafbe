"""A run that is killed anywhere goes on and gives the same record."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import torch
import zarr

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import RecordError, RunError
from vulneuron.pipeline import attacking, capturing, execute
from vulneuron.record import Phase, RecordWriter, open_record, record_lock


class Killed(BaseException):
    """Ends a run where no handler sees it, as a kill would."""


def analyze(out: Path) -> vn.Record:
    pictures, labels = color_pictures(a_class=60)
    return vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES, batch_size=16)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> vn.Record:
    return analyze(tmp_path_factory.mktemp("whole") / "run.zarr")


def arrays(path: str | Path) -> dict[str, Any]:
    group = zarr.open_group(str(path), mode="r")
    return {name: node[...] for name, node in group.members(max_depth=None) if isinstance(node, zarr.Array)}


def assert_same(one: str | Path, other: str | Path) -> None:
    expected, found = arrays(one), arrays(other)
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("module", "function", "calls"),
    [
        (attacking, "_attack_columns", 1),
        (attacking, "_attack_columns", 2),
        (RecordWriter, "begin_pairs", 1),
        (capturing, "_captured", 1),
        (execute, "project", 1),
        (RecordWriter, "finish", 1),
    ],
)
def test_run_that_is_killed_goes_on(
    whole: vn.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, function: str, calls: int
) -> None:
    out, original, seen = tmp_path / "run.zarr", getattr(module, function), 0

    def killed(*args: Any, **options: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == calls:
            raise Killed
        return original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, function, killed)
        with pytest.raises(Killed):
            analyze(out)
    unfinished = open_record(out)
    assert not unfinished.complete
    assert unfinished.info()["complete"] is False
    with pytest.raises(RecordError, match="is unfinished"):
        _ = unfinished.pairs
    analyze(out)
    assert_same(whole.path, out)


def test_any_write_can_be_the_last(whole: vn.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill again and again, each time some files further than before, until the run gets through."""
    original = zarr.storage.LocalStore.set
    left = 0

    async def limited(self: Any, *args: Any, **options: Any) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        await original(self, *args, **options)

    out = tmp_path / "run.zarr"
    resumed = 0
    for budget in itertools.count(1, 3):
        left = budget
        with monkeypatch.context() as patch:
            patch.setattr(zarr.storage.LocalStore, "set", limited)
            try:
                analyze(out)
                break
            except Killed:
                resumed += 1
    assert resumed > 5
    assert_same(whole.path, out)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_resume import analyze
print("ready", flush=True)
analyze(Path({out!r}))
"""


@pytest.mark.parametrize("phase", [Phase.ATTACK, Phase.CAPTURE])
def test_kill_minus_nine(whole: vn.Record, tmp_path: Path, phase: Phase) -> None:
    out = tmp_path / "run.zarr"
    tests = Path(__file__).parents[1]
    script = SCRIPT.format(tests=str(Path(__file__).parent), out=str(out))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    while process.poll() is None:
        try:
            reached = int(open_record(out).attributes["phase"])
        except RecordError:
            continue
        if reached >= phase:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    analyze(out)
    assert_same(whole.path, out)


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "run.zarr"
    with record_lock(out), pytest.raises(RecordError, match="another run is writing"):
        analyze(out)
    assert not out.exists()


def test_resumed_run_keeps_its_batch_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run.zarr"

    def killed(*_args: Any, **_options: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(capturing, "_captured", killed)
        with pytest.raises(Killed):
            analyze(out)
    pictures, labels = color_pictures(a_class=60)
    record = vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES, batch_size=3)
    assert record.attributes["batch_size"] == 16


def test_memory_that_runs_out_halves_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = vn.Classifier.__call__
    largest = 0

    def small_memory(self: vn.Classifier, images: torch.Tensor) -> torch.Tensor:
        nonlocal largest
        if len(images) > 5:
            raise torch.OutOfMemoryError("out of memory")
        largest = max(largest, len(images))
        return original(self, images)

    monkeypatch.setattr(vn.Classifier, "__call__", small_memory)
    pictures, labels = color_pictures(a_class=6)
    record = vn.analyze(color_net(), pictures, labels, out=tmp_path / "run.zarr", batch_size=16)
    assert record.info()["images"] == 18
    assert 3 <= largest <= 5


def test_memory_that_runs_out_for_good_keeps_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, original, calls = tmp_path / "run.zarr", attacking._attack_columns, 0

    def exhausted(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise RunError("no memory", allowed="more", fix="buy some")
        return original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(attacking, "_attack_columns", exhausted)
        with pytest.raises(RunError, match="no memory"):
            analyze(out)
    assert open_record(out).attributes["phase"] == Phase.ATTACK
    assert analyze(out).complete


def test_overwrite_goes_on_with_an_unfinished_run_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run.zarr"
    pictures, labels = color_pictures(a_class=60)

    def killed(*_args: Any, **_options: Any) -> Any:
        raise Killed

    options: dict[str, Any] = {
        "out": out,
        "class_names": CLASS_NAMES,
        "batch_size": 16,
        "overwrite": True,
    }
    with monkeypatch.context() as patch:
        patch.setattr(capturing, "_captured", killed)
        with pytest.raises(Killed):
            vn.analyze(color_net(), pictures, labels, **options)
    created = open_record(out).attributes["created"]
    with monkeypatch.context() as patch:
        patch.setattr(attacking, "_attack_columns", killed)
        record = vn.analyze(color_net(), pictures, labels, **options)
    assert record.attributes["created"] == created
    assert record.complete


@pytest.fixture
def memory_store() -> Iterator[str]:
    """A URL of a store that is no folder."""
    files = fsspec.filesystem("memory")
    yield "memory://records/run.zarr"
    files.rm("/records", recursive=True)


def test_stores_that_are_no_folders(
    whole: vn.Record, memory_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, labels = color_pictures(a_class=60)

    def killed(*_args: Any, **_options: Any) -> Any:
        raise Killed

    options: dict[str, Any] = {"out": memory_store, "class_names": CLASS_NAMES, "batch_size": 16}
    with monkeypatch.context() as patch:
        patch.setattr(capturing, "_captured", killed)
        with pytest.raises(Killed):
            vn.analyze(color_net(), pictures, labels, **options)
    assert not open_record(memory_store).complete
    record = vn.analyze(color_net(), pictures, labels, **options)
    np.testing.assert_array_equal(record.layer().dataset["feature_map"], whole.layer().dataset["feature_map"])
    assert record.validate().sound
    with pytest.raises(RecordError, match="contains a different run"):
        vn.analyze(color_net(), pictures, labels, **options, seed=1)
    assert vn.analyze(color_net(), pictures, labels, **options, seed=1, overwrite=True).info()["seed"] == 1


def test_foreign_groups_behind_urls_are_left_alone(memory_store: str) -> None:
    zarr.create_group(memory_store).create_array("ages", shape=(3,), dtype="i4")[:] = [1, 2, 3]
    pictures, labels = color_pictures()
    for overwrite in (False, True):
        with pytest.raises(RecordError, match="is not a record that can be resumed"):
            vn.analyze(color_net(), pictures, labels, out=memory_store, overwrite=overwrite)
    ages: Any = zarr.open_group(memory_store, mode="r")["ages"]
    assert ages[:].tolist() == [1, 2, 3]
