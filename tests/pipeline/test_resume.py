"""A run that is killed anywhere goes on and gives the same record."""

import itertools
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import openTSNE
import pytest
import torch
import zarr
from torch import Tensor, nn

import vulneuron as vn
from interruptions import Killed
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.attacks import Goal
from vulneuron.errors import RecordError, RunError
from vulneuron.record import Phase, open_record, record_lock

pytestmark = pytest.mark.usefixtures("quick_projection")


def analyze(out: str | Path, net: nn.Module | None = None, **options: Any) -> vn.Record:
    pictures, labels = color_pictures(a_class=30)
    arguments = {"out": out, "class_names": CLASS_NAMES, "batch_size": 16, **options}
    return vn.analyze(net or color_net(), pictures, labels, **arguments)


def phase_of(out: str | Path) -> Phase | None:
    """Phase of an unfinished record; None before there is one."""
    try:
        return Phase(open_record(out).attributes["phase"])
    except RecordError:
        return None


class Watched(nn.Sequential):
    """The color network with a callback in each forward pass; a run takes it for the color network."""

    def __init__(self, call: Callable[[Tensor], None]) -> None:
        super().__init__(*color_net())
        self.call = call

    def forward(self, images: Tensor) -> Tensor:
        self.call(images)
        for layer in self:
            images = layer(images)
        return images

    def _get_name(self) -> str:
        return "Sequential"


def watched_net(out: str | Path, action: Callable[[Phase, int], None]) -> nn.Module:
    """A network that calls back in each forward pass of a run: its phase, and the number of the pass."""
    passes = Counter[Phase]()

    def call(_images: Tensor) -> None:
        phase = phase_of(out)
        if phase is not None:
            passes[phase] += 1
            action(phase, passes[phase])

    return Watched(call)


def kill(out: str | Path, phase: Phase = Phase.CAPTURE, forward_pass: int = 1, **options: Any) -> None:
    """Kill a run in a forward pass of one of its phases."""

    def action(*now: object) -> None:
        if now == (phase, forward_pass):
            raise Killed

    with pytest.raises(Killed):
        analyze(out, watched_net(out, action), **options)


@contextmanager
def room_for_writes(count: float) -> Iterator[Counter[str]]:
    """Kill the run when it writes another file than so many; yields how many it wrote."""
    original, written = zarr.storage.LocalStore.set, Counter[str]()

    async def limited(self: Any, *args: Any, **options: Any) -> None:
        if written["files"] == count:
            raise Killed
        written["files"] += 1
        await original(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zarr.storage.LocalStore, "set", limited)
        yield written


@pytest.fixture(scope="module")
def whole_and_writes(
    tmp_path_factory: pytest.TempPathFactory, quick_projection: None
) -> tuple[vn.Record, int]:
    """The record of a run that nothing stopped, and how many files it wrote."""
    with room_for_writes(math.inf) as written:
        record = analyze(tmp_path_factory.mktemp("whole") / "run.zarr")
    return record, written["files"]


@pytest.fixture
def whole(whole_and_writes: tuple[vn.Record, int]) -> vn.Record:
    return whole_and_writes[0]


def arrays(path: str | Path) -> dict[str, Any]:
    group = zarr.open_group(str(path), mode="r")
    return {name: node[...] for name, node in group.members(max_depth=None) if isinstance(node, zarr.Array)}


def assert_same(one: str | Path, other: str | Path) -> None:
    expected, found = arrays(one), arrays(other)
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def assert_goes_on(whole: vn.Record, out: Path) -> None:
    """The record is unfinished, and a second run of the same settings makes it equal to a whole one."""
    unfinished = open_record(out)
    assert not unfinished.complete
    assert unfinished.info()["complete"] is False
    with pytest.raises(RecordError, match="is unfinished"):
        _ = unfinished.pairs
    analyze(out)
    assert_same(whole.path, out)


@pytest.mark.parametrize(
    ("phase", "forward_pass"),
    [
        (Phase.ATTACK, 60),
        (Phase.CAPTURE, 10),
        pytest.param(Phase.ATTACK, 1, marks=pytest.mark.slow),
        pytest.param(Phase.ATTACK, 30, marks=pytest.mark.slow),
        pytest.param(Phase.CAPTURE, 1, marks=pytest.mark.slow),
    ],
)
def test_run_that_is_killed_goes_on(
    whole: vn.Record, tmp_path: Path, phase: Phase, forward_pass: int
) -> None:
    out = tmp_path / "run.zarr"
    kill(out, phase, forward_pass)
    assert_goes_on(whole, out)


@pytest.mark.slow
def test_run_that_is_killed_while_it_projects_goes_on(
    whole: vn.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_arguments: object) -> None:
        raise Killed

    out = tmp_path / "run.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(openTSNE.TSNE, "fit", killed)
        with pytest.raises(Killed):
            analyze(out)
    assert_goes_on(whole, out)


@pytest.mark.slow
def test_any_write_can_be_the_last(whole: vn.Record, tmp_path: Path) -> None:
    """Kill again and again, each time some files further than before, until the run gets through."""
    out = tmp_path / "run.zarr"
    for resumed in itertools.count():
        with room_for_writes(1 + 3 * resumed), suppress(Killed):
            analyze(out)
            break
    assert resumed > 5
    assert_same(whole.path, out)


@pytest.mark.slow
def test_run_that_is_killed_before_its_last_write_goes_on(
    whole_and_writes: tuple[vn.Record, int], tmp_path: Path
) -> None:
    out, (whole, writes) = tmp_path / "run.zarr", whole_and_writes
    with room_for_writes(writes - 1), pytest.raises(Killed):
        analyze(out)
    assert_goes_on(whole, out)


SCRIPT = """
import os, signal
from test_resume import Phase, analyze, watched_net

def kill(*now):
    if now == (Phase.CAPTURE, 10):
        os.kill(os.getpid(), signal.SIGKILL)

analyze({out!r}, watched_net({out!r}, kill))
"""


@pytest.mark.slow
def test_kill_minus_nine(whole: vn.Record, tmp_path: Path) -> None:
    out, folder = tmp_path / "run.zarr", Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder.parent), *sys.path])}
    command = [sys.executable, "-c", SCRIPT.format(out=str(out))]
    ended = subprocess.run(command, env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert phase_of(out) == Phase.CAPTURE
    assert_goes_on(whole, out)


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "run.zarr"
    with record_lock(out), pytest.raises(RecordError, match="another run is writing"):
        analyze(out)
    assert not out.exists()


def test_resumed_run_keeps_its_batch_size(tmp_path: Path) -> None:
    out = tmp_path / "run.zarr"
    kill(out)
    assert analyze(out, batch_size=3).attributes["batch_size"] == 16


def test_memory_that_runs_out_halves_the_batch(tmp_path: Path) -> None:
    sizes = set[int]()

    def small_memory(images: Tensor) -> None:
        if len(images) > 5:
            raise torch.OutOfMemoryError("out of memory")
        sizes.add(len(images))

    pictures, labels = color_pictures(a_class=6)
    record = vn.analyze(Watched(small_memory), pictures, labels, out=tmp_path / "run.zarr", batch_size=16)
    assert record.info()["images"] == 18
    assert max(sizes) == 4


@pytest.mark.slow
def test_memory_that_runs_out_for_good_keeps_what_is_done(whole: vn.Record, tmp_path: Path) -> None:
    out = tmp_path / "run.zarr"

    def exhaust(_phase: Phase, forward_pass: int) -> None:
        if forward_pass > 50:
            raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(RunError, match="one image does not fit into memory"):
        analyze(out, watched_net(out, exhaust))
    assert phase_of(out) == Phase.ATTACK
    analyze(out)
    assert_same(whole.path, out)


@dataclass(frozen=True)
class CountedPGD(vn.PGD):
    """Counts the images that it attacks; in a record it is PGD."""

    attacked: list[int] = field(default_factory=list)

    def perturb(self, classifier: vn.Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        self.attacked.append(len(images))
        return super().perturb(classifier, images, goal, seeds)


@pytest.mark.slow
def test_overwrite_goes_on_with_an_unfinished_run_of_its_own(tmp_path: Path) -> None:
    out, attack = tmp_path / "run.zarr", CountedPGD()
    kill(out, overwrite=True, attack=attack)
    assert sum(attack.attacked) > 80
    created, before = open_record(out).attributes["created"], len(attack.attacked)
    record = analyze(out, overwrite=True, attack=attack)
    assert len(attack.attacked) == before
    assert record.attributes["created"] == created
    assert record.complete


@pytest.fixture
def memory_store() -> Iterator[str]:
    """A URL of a store that is no folder."""
    files = fsspec.filesystem("memory")
    yield "memory://records/run.zarr"
    files.rm("/records", recursive=True)


@pytest.mark.slow
def test_stores_that_are_no_folders(whole: vn.Record, memory_store: str) -> None:
    kill(memory_store)
    assert not open_record(memory_store).complete
    record = analyze(memory_store)
    np.testing.assert_array_equal(record.layer().dataset["feature_map"], whole.layer().dataset["feature_map"])
    assert record.validate().sound
    with pytest.raises(RecordError, match="contains a different run"):
        analyze(memory_store, seed=1)
    assert analyze(memory_store, seed=1, overwrite=True).info()["seed"] == 1


def test_foreign_groups_behind_urls_are_left_alone(memory_store: str) -> None:
    zarr.create_group(memory_store).create_array("ages", shape=(3,), dtype="i4")[:] = [1, 2, 3]
    pictures, labels = color_pictures()
    for overwrite in (False, True):
        with pytest.raises(RecordError, match="is not a record that can be resumed"):
            vn.analyze(color_net(), pictures, labels, out=memory_store, overwrite=overwrite)
    ages: Any = zarr.open_group(memory_store, mode="r")["ages"]
    assert ages[:].tolist() == [1, 2, 3]
