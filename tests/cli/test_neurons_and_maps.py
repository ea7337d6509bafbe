"""`vulneuron neurons` and `vulneuron maps`."""

import errno
import io
import json
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import vulneuron as vn
from commands import Command
from disks import failing_writes
from runs import CLASS_NAMES, color_folder, model_file
from vulneuron.analysis import (
    Analysis,
    ClusterSettings,
    CurveSettings,
    FieldSettings,
    Settings,
    VulnerabilityMapSettings,
)
from vulneuron.analysis.settings import SETTINGS
from vulneuron.cli import main
from vulneuron.record import record_lock


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    photos = str(color_folder(folder / "photos"))
    vn.analyze(model_file(folder), photos, out=folder / "run.zarr", class_names=CLASS_NAMES)
    return folder / "run.zarr"


@pytest.fixture
def record(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "run.zarr"))


def test_formats_hold_the_same_numbers(run: Command, record: Path) -> None:
    expected = Analysis(record).neurons(1).sort_values("curve_gap", kind="stable").head(3)
    arguments = ("neurons", record, "--pair", 1, "--sort-by", "curve_gap", "--limit", 3)
    status, printed, _ = run(*arguments, "--format", "csv")
    assert status == 0
    np.testing.assert_allclose(
        pd.read_csv(io.StringIO(printed), index_col="neuron").curve_gap, expected.curve_gap, rtol=1e-6
    )
    rows = json.loads(run(*arguments, "--format", "json")[1])["data"]
    assert [row["neuron"] for row in rows] == list(expected.index)
    np.testing.assert_allclose([row["curve_gap"] for row in rows], expected.curve_gap, rtol=1e-6)


def test_parquet_holds_the_same_numbers(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["vulneuron", "neurons", str(record), "--pair", "1", "--format", "parquet"]
    )
    with suppress(SystemExit):
        main()
    (tmp_path / "neurons.parquet").write_bytes(capsysbinary.readouterr().out)
    table = pd.read_parquet(tmp_path / "neurons.parquet")
    pd.testing.assert_frame_equal(table.sort_index(), Analysis(record).neurons(1), check_index_type=False)


def test_parquet_without_pyarrow_says_what_to_install(
    run: Command, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_arguments: object, **_options: object) -> None:
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", missing)
    status, _, err = run("neurons", record, "--pair", 0, "--format", "parquet")
    assert status == 1
    assert "pip install pyarrow" in err


@pytest.mark.parametrize("width", [30, 50, 80, 200])
def test_table_fits_the_terminal_by_leaving_out_columns(
    run: Command, record: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for choice in (("--pair", 0), ("--cell", "red:", "--sort-by", "curve_gap")):
        status, printed, _ = run("neurons", record, *choice)
        assert status == 0
        title, *lines = printed.splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) == 2 + 4
        assert "…" not in printed
        assert lines[1].split()[0] == "neuron"
        assert "red" in title
        assert "-0.0000" not in printed
        if width == 200:
            assert printed.count("advers.") == 2


def test_exports_hold_all_neurons_and_tables_the_first(run: Command, record: Path) -> None:
    for output, count in (("csv", 1 + 4), ("table", 1 + 2 + 4)):
        assert len(run("neurons", record, "--pair", 0, "--format", output)[1].splitlines()) == count
    assert len(run("neurons", record, "--pair", 0, "--format", "csv", "--limit", 2)[1].splitlines()) == 1 + 2


def test_without_bands_it_says_so_and_sorts_by_the_curve_gap(run: Command, tmp_path: Path) -> None:
    photos = str(color_folder(tmp_path / "photos", a_class=1))
    vn.analyze(model_file(tmp_path), photos, out=tmp_path / "few.zarr", class_names=CLASS_NAMES)
    status, printed, err = run("neurons", tmp_path / "few.zarr", "--pair", 0, "--format", "csv")
    assert status == 0
    assert "sorted by curve_gap" in err
    table = pd.read_csv(io.StringIO(printed))
    assert table.curve_gap.is_monotonic_increasing
    status, _, err = run("neurons", tmp_path / "few.zarr", "--pair", 0, "--sort-by", "band_gap")
    assert status == 1
    assert "band_gap has no values here, because a class has fewer than two images" in err


def test_missing_maps_of_a_cell_are_computed_with_the_model(run: Command, record: Path) -> None:
    arguments = ("neurons", record, "--cell", "red:", "--sort-by", "iou_benign_drop", "--stride", 4)
    status, _, err = run(*arguments)
    assert status == 1
    assert "run `vulneuron maps` first" in err.lower()
    model = model_file(record.parent)
    status, printed, err = run(*arguments, "--format", "csv", "--model", model)
    assert status == 0, err
    assert pd.read_csv(io.StringIO(printed)).iou_benign_drop.notna().all()
    analysis = Analysis(record, settings=Settings(stride=4))
    assert analysis.pairs_with_maps().tolist() == analysis.cell("red", None).tolist()
    # Kept maps are found by their stride, and a part of the pairs is said to be a part.
    assert run(*arguments)[0] == 0
    assert "no IoUs for" in run("neurons", record, "--cell", ":green", "--stride", 4)[2]


def test_cell_shows_ranks(run: Command, record: Path) -> None:
    analysis = Analysis(record)
    pairs = analysis.cell("red", None)
    printed = run("neurons", record, "--cell", "red:", "--sort-by", "curve_gap", "--format", "csv")[1]
    table = pd.read_csv(io.StringIO(printed), index_col="neuron")
    np.testing.assert_allclose(table.sort_index().curve_gap, analysis.rank(pairs).curve_gap, rtol=1e-6)
    assert table["rank"].is_monotonic_increasing


def test_maps_are_made_once(run: Command, record: Path) -> None:
    arguments = ("maps", record, "--pairs", "0,2")
    status, _, err = run(*arguments)
    assert status == 0, err
    assert "2 pairs, 0 already with maps" in err
    assert "this will take about" in err
    analysis = Analysis(record)
    assert [analysis.has_maps(pair) for pair in range(3)] == [True, False, True]
    assert "2 pairs, 2 already with maps" in run(*arguments)[2]
    alone = Analysis(record).neurons(2)
    assert alone.iou_benign_drop.notna().all()


@pytest.mark.parametrize("pairs", ["0", "0,2"])
def test_maps_end_with_a_word_without_a_terminal(run: Command, record: Path, pairs: str) -> None:
    count = "1 pair" if pairs == "0" else "2 pairs"
    for _ in range(2):
        status, printed, err = run("maps", record, "--pairs", pairs, "--stride", 4)
        assert (status, printed) == (0, "")
        assert err.splitlines()[-1] == f"the record contains the vulnerability maps of {count}"


@pytest.mark.parametrize("arguments", [("--cell", "red:"), ("--cell", ":green"), ("--pair", 1)], ids=str)
@pytest.mark.parametrize(("measure", "limit"), [("curve_gap", 2), ("activation_gap", 3)])
def test_a_table_shows_both_ends_of_a_gap(
    run: Command, record: Path, arguments: tuple[object, ...], measure: str, limit: int
) -> None:
    options = ("neurons", record, *arguments, "--sort-by", measure)
    ranked = pd.read_csv(io.StringIO(run(*options, "--format", "csv")[1])).neuron.tolist()
    printed = run(*options, "--limit", limit)[1]
    numbers = [line.split()[0] for line in printed.splitlines() if re.match(r"\s*\d", line)]
    most_inhibited, most_excited = ranked[: limit - limit // 2], ranked[len(ranked) - limit // 2 :]
    between = [str(len(ranked) - limit)]
    assert numbers == [*map(str, most_inhibited), *between, *map(str, most_excited)]
    assert f"{len(ranked) - limit} more" in printed


def test_a_table_shows_one_end_of_other_measures(run: Command, record: Path) -> None:
    options = ("neurons", record, "--pair", 1, "--sort-by", "contribution_benign")
    ranked = pd.read_csv(io.StringIO(run(*options, "--format", "csv")[1])).neuron.tolist()
    printed = run(*options, "--limit", 2)[1]
    numbers = [int(line.split()[0]) for line in printed.splitlines() if re.match(r"\s*\d", line)]
    assert numbers[:2] == ranked[:2]
    assert "more" not in printed.splitlines()[-1]


def test_two_runs_do_not_make_the_same_maps(run: Command, record: Path) -> None:
    arguments = ("maps", record, "--pairs", "0", "--stride", 4)
    with record_lock(record):
        status, _, err = run(*arguments)
    assert status == 1
    assert err.splitlines()[-1].startswith("error: another run is writing record")
    assert not Analysis(record, settings=Settings(stride=4)).has_maps(0)
    assert run(*arguments)[0] == 0


def test_maps_without_a_lock(run: Command, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_arguments: False)
    with record_lock(record):
        assert run("maps", record, "--pairs", "0", "--stride", 4)[0] == 0
    assert Analysis(record, settings=Settings(stride=4)).has_maps(0)


@pytest.mark.slow
def test_maps_are_made_by_the_named_engine(run: Command, record: Path) -> None:
    for engine in ("anytime", "dense"):
        status, _, err = run("maps", record, "--pairs", "1", "--stride", 2, "--engine", engine)
        assert status == 0, err
        assert "1 pair, 0 already with maps" in err
    # These are exact already.
    assert "1 pair, 1 already with maps" in run("maps", record, "--pairs", "1", "--stride", 2)[2]
    assert not {"anytime", "dense"} - {it.name for it in (record / "maps" / "patch_4_stride_2").iterdir()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("neurons", "--pair", 99), "given pair 99"),
        (("neurons",), "neither a pair nor a cell"),
        (("neurons", "--pair", 0, "--cell", "red:"), "both a pair and a cell"),
        (("neurons", "--cell", "red:pink"), "given class 'pink'"),
        (("neurons", "--pair", 0, "--sort-by", "beauty"), "--sort-by = 'beauty'"),
        (("neurons", "--pair", 0, "--format", "xml"), "--format = 'xml'"),
        (("neurons", "--pair", 0, "--limit", 0), "--limit = 0"),
        (("neurons", "--cell", "all"), "given the cell 'all'"),
        (("neurons", "--cell", ":"), "given the cell ':'"),
        (("neurons", "--pair", 0, "--sort-by", "iou_benign_drop"), "iou_benign_drop has no values here"),
        (("neurons", "--pair", 0, "--patch", 3), "patch = '3'"),
        (("maps", "--pairs", "first"), "given pairs 'first'"),
        (("maps", "--pairs", "0", "--patch", 5), "patch = '5'"),
        (("maps", "--pairs", "0", "--stride", 0), "stride = '0'"),
        (("maps", "--pairs", "0", "--memory", 0), "--memory = 0"),
        (("maps", "--pairs", "0", "--model", "nowhere.py:net"), "nowhere.py"),
        (("serve", "--no-open", "--memory", 0), "--memory = 0"),
        (("serve", "--no-open", "--memory", -5), "--memory = -5"),
    ],
)
def test_bad_input_is_one_line(
    run: Command, record: Path, arguments: tuple[object, ...], message: str
) -> None:
    command, *options = arguments
    status, out, err = run(command, record, *options)
    assert status == 1
    assert out == ""
    assert err.startswith("error: ") or "error: " in err
    assert message in err
    assert "Traceback" not in err


def test_maps_refuse_a_record_that_cannot_be_written(run: Command, record: Path) -> None:
    with failing_writes(errno.EROFS):
        status, _, err = run("maps", record, "--pairs", "all")
    assert status == 1
    assert "cannot be written to the record" in err
    assert "will take" not in err


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ClusterSettings.model_fields])
def test_all_settings_of_the_table_are_options(run: Command, record: Path, name: str) -> None:
    setting, option = SETTINGS[name], f"--{name.replace('_', '-')}"
    value = list(setting.choices)[-1] if setting.kind == "choice" else 2 if setting.kind == "integer" else 0.5
    arguments = ("neurons", record, "--pair", 1, "--sort-by", "curve_gap", "--format", "csv", option)
    status, printed, err = run(*arguments, value)
    assert status == 0, err
    settings = Analysis(record).suggested_settings.replace(**{name: value})
    expected = Analysis(record, settings=settings).neurons(1)
    table = pd.read_csv(io.StringIO(printed), index_col="neuron").sort_index()
    for column in ("contribution_benign", "band_gap", "dead_benign"):
        np.testing.assert_allclose(table[column], expected[column], rtol=1e-6)
    status, printed, err = run(*arguments, "nonsense")
    assert (status, printed) == (1, "")
    assert err.startswith(f"error: given {name} = 'nonsense'. Allowed: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["neurons", "maps"])
def test_help_explains_the_settings(run: Command, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    status, printed, _ = run(command, "--help")
    assert status == 0
    shown = " ".join(printed.split())
    groups = (CurveSettings, FieldSettings, VulnerabilityMapSettings) if command == "neurons" else ()
    settings = {name: one for group in groups for name, one in group.declared().items()}
    for name, setting in (settings or {"stride": SETTINGS["stride"], "engine": SETTINGS["engine"]}).items():
        assert f"--{name.replace('_', '-')}" in shown
        assert setting.meaning in shown
        for choice in setting.choices.values():
            assert choice.meaning in shown
