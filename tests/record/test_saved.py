"""Findings and groups: what is refused, what is kept, and processes that change them at once."""

import errno
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import vulneuron as vn
from disks import failing_writes
from vulneuron.errors import RecordError, SavedConflictError, SavedError

ERRORS = (SavedError, RecordError)


@pytest.fixture
def record(linear_record: Path, tmp_path: Path) -> vn.Record:
    return vn.open_record(shutil.copytree(linear_record, tmp_path / "run.zarr"))


def test_findings_are_kept_in_order(record: vn.Record) -> None:
    first = record.findings.add("Ears *only*.", pair=3, neurons=np.array([2, 0, 2]), query="sort=neuron")
    second = record.findings.add(pair=1, neurons=range(4))
    third = record.findings.add(pair=0, title="  of my own ")
    again = vn.open_record(record.path)
    assert list(again.findings) == [first, second, third]
    row = record.pairs.iloc[3]
    assert first.title == f"{row.benign_label} → {row.adversarial_label}, pair 3, neurons 0 and 2"
    assert (first.note, first.neurons, first.layer) == ("Ears *only*.", (0, 2), record.layers[-1])
    assert second.title.endswith("pair 1, 4 neurons")
    assert third.title == "of my own"

    again.findings.move(third, 0)
    again.findings.move(second.id, 99)
    assert [finding.pair for finding in record.findings] == [0, 3, 1]
    removed = record.findings.remove(first)
    assert removed == first
    assert len(again.findings) == 2
    again.findings.restore(removed, 1)
    again.findings.restore(removed)
    assert list(record.findings[:2]) == [third, first]
    # Neither the arrays nor what reads them notices.
    assert record.validate().sound
    with xr.open_datatree(record.path, engine="zarr") as tree:
        assert "saved" not in tree


def test_an_edit_of_an_old_revision_is_refused(record: vn.Record) -> None:
    seen = record.findings.add("one", pair=0)
    edited = record.findings.edit(seen, note="two", revision=seen.revision)
    assert record.findings.edit(seen, note="two") == edited
    with pytest.raises(SavedConflictError, match="somebody else has changed it"):
        record.findings.edit(seen, note="three", revision=seen.revision)
    assert record.findings[0].note == "two"
    titled = record.findings.edit(seen, title="mine")
    assert (titled.title, titled.note) == ("mine", "two")
    assert record.findings.edit(seen, title=" ").title == seen.title


def test_groups_are_a_mapping(record: vn.Record) -> None:
    groups = record.groups
    groups["z"] = vn.Group(pairs=[5, 1])
    groups["a"] = vn.Group(neurons=np.array([2, 0]))
    assert list(vn.open_record(record.path).groups) == ["z", "a"]
    assert groups["a"] == vn.Group(neurons=(0, 2), layer=record.layers[-1])
    groups.rename("z", "ears: <b>")
    assert list(groups) == ["ears: <b>", "a"]
    with pytest.raises(SavedConflictError, match="there is a group 'a' already: 2 neurons"):
        groups.rename("ears: <b>", "a")
    with pytest.raises(SavedConflictError):
        groups.add("a", vn.Group(pairs=[0]))
    assert groups.get("none") is None
    with pytest.raises(KeyError, match=r"^given group 'b'\. Allowed"):
        groups["b"]
    assert groups.pop("ears: <b>").pairs == (1, 5)
    assert dict(record.groups) == {"a": groups["a"]}


def test_what_the_record_does_not_have_is_refused(record: vn.Record) -> None:
    findings, groups = record.findings, record.groups
    pairs, neurons = len(record.pairs), record.layer().neurons
    numbers: Any = {"true": True, "word": "eye", "fraction": [1.5], "list": [1]}
    refused: list[tuple[str, Callable[[], object]]] = [
        (f"given pair {pairs}. Allowed: numbers from 0 to", lambda: findings.add(pair=pairs)),
        ("given pair True", lambda: findings.add(pair=numbers["true"])),
        ("given neuron -1", lambda: findings.add(pair=0, neurons=[-1])),
        ("given neuron 'eye'", lambda: findings.add(pair=0, neurons=numbers["word"])),
        ("has no layer 'none'", lambda: findings.add(pair=0, layer="none")),
        ("given the title", lambda: findings.add(pair=0, title="two\nlines")),
        ("given a note of 100,001", lambda: findings.add("n" * 100_001, pair=0)),
        ("has no finding 'none'", lambda: findings.remove("none")),
        (f"given neuron {neurons}", lambda: groups.add("a", vn.Group(neurons=[neurons]))),
        (f"given pair {pairs}", lambda: groups.add("a", vn.Group(pairs=[pairs]))),
        ("given an empty name", lambda: groups.add(" ", vn.Group(pairs=[0]))),
        ("a group of type list", lambda: groups.add("a", numbers["list"])),
        ("0 neurons and 0 pairs", vn.Group),
        ("1 neurons and 1 pairs", lambda: vn.Group(neurons=[1], pairs=[1])),
        ("given neuron 1.5", lambda: vn.Group(neurons=numbers["fraction"])),
    ]
    for message, call in refused:
        with pytest.raises(ERRORS) as caught:
            call()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not len(findings)
    assert not groups


def test_a_damaged_file_is_never_written_over(record: vn.Record) -> None:
    record.findings.add("kept", pair=0)
    file = Path(record.path) / "saved" / "zarr.json"
    whole = file.read_text("utf-8")
    newer = whole.replace('"version": 1', '"version": 2')
    assert newer != whole
    for damaged in (whole[:-40], whole.replace('"kept"', "3"), newer):
        file.write_text(damaged, "utf-8")
        for call in (lambda: list(record.findings), lambda: record.findings.add(pair=1)):
            with pytest.raises(SavedError, match=r"cannot be read|have version 2") as caught:
                call()
            assert "\n" not in str(caught.value)
        assert file.read_text("utf-8") == damaged
        # All else of the record is as before.
        assert vn.open_record(record.path).info()["findings"] is None
    file.write_text(whole, "utf-8")
    assert record.findings[0].note == "kept"
    assert record.info()["findings"] == 1


def test_records_that_cannot_be_written_to(record: vn.Record, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record.findings.add("kept", pair=0)
    with failing_writes(errno.ENOSPC), pytest.raises(SavedError, match=r"cannot be saved.*No space"):
        record.findings.add(pair=1)
    assert list(record.findings) == [kept]
    monkeypatch.setattr("os.access", lambda *_: False)
    assert record.findings.unwritable == "the record is read-only"
    with pytest.raises(SavedError, match="the record is read-only"):
        record.findings.add(pair=1)
    remote = vn.open_record(f"file://{record.path}")
    assert list(remote.findings) == [kept]
    with pytest.raises(SavedError, match="the record is at a URL"):
        remote.groups["a"] = vn.Group(pairs=[0])


def test_findings_of_a_replaced_record_are_not_written_to_the_new_one(record: vn.Record) -> None:
    other = Path(record.path) / "zarr.json"
    other.write_text(other.read_text("utf-8").replace('"created": "', '"created": "1'), "utf-8")
    with pytest.raises(RecordError, match="was replaced by another record"):
        record.findings.add(pair=0)


def test_writers_that_change_a_record_at_once_lose_nothing(record: vn.Record) -> None:
    def write(worker: int) -> None:
        # A record of its own, as in another process.
        own = vn.open_record(record.path)
        for number in range(5):
            own.findings.add(f"{worker} {number}", pair=number)
            own.groups[f"{worker} {number}"] = vn.Group(pairs=[number])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    expected = {f"{worker} {number}" for worker in range(3) for number in range(5)}
    assert {finding.note for finding in record.findings} == expected == set(record.groups)
    assert [entry.name for entry in (Path(record.path) / "saved").iterdir()] == ["zarr.json"]
