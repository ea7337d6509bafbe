"""Measures of other packages, found through their entry points."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import vulneuron as vn
from vulneuron.errors import MeasureError
from vulneuron.measures.registry import MeasureRegistry

EXAMPLE = Path(__file__).parents[2] / "examples" / "measure"
SCRIPT = """
import json, sys
import vulneuron as vn
from vulneuron.measures import MEASURES
analysis = vn.Analysis(sys.argv[1])
table = analysis.neurons(0)
ranking = analysis.rank(range(4), sort_by="log_ratio")
print(json.dumps([MEASURES.sortable_names, table.log_ratio.tolist(), ranking["rank"].tolist()]))
from vulneuron.cli import main
options = ["--pair", "0", "--sort-by", "log_ratio", "--format", "csv"]
sys.argv = ["vulneuron", "neurons", sys.argv[1], *options]
main()
"""


def install(folder: Path, code: str) -> None:
    """Put the example's package, with this code, into a folder."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (folder / "log_ratio.py").write_text(code, encoding="utf-8")
    info = folder / "vulneuron_log_ratio-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    ((group, entries),) = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def with_package(folder: Path, code: str) -> dict[str, str]:
    """Environment of an interpreter that has the example's package with this code."""
    install(folder, code)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.slow
def test_example_is_a_column_a_ranking_and_an_option(linear_record: Path, tmp_path: Path) -> None:
    environment = with_package(tmp_path, (EXAMPLE / "log_ratio.py").read_text(encoding="utf-8"))
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(linear_record)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    values_line, header, *_ = answer.stdout.splitlines()
    ranking, values, ranks = json.loads(values_line)
    assert "log_ratio" in ranking
    activations = vn.open_record(linear_record).layer().dataset["activation"].values.astype(np.float64)
    expected = np.log((activations[:, 1] + 1) / (activations[:, 0] + 1))
    np.testing.assert_allclose(values, expected[0], rtol=1e-5, atol=1e-7)
    assert np.argsort(ranks)[0] == expected[:4].mean(axis=0).argmax()
    assert "log_ratio" in header


@pytest.mark.slow
def test_a_package_whose_measures_fail_is_one_line(linear_record: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vulneuron", "neurons", str(linear_record), "--pair", "0"]
    environment = with_package(tmp_path, "raise ZeroDivisionError('no')")
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: the measures of 'log_ratio' cannot be loaded")
    assert len(answer.stderr.splitlines()) == 1


def test_a_package_that_needs_another_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MeasureError, match=r"measures of 'log_ratio' cannot be loaded.*no_such_module"):
        list(MeasureRegistry("vulneuron.measures"))
