"""Analyses of small records, with a linear head and with a nonlinear one."""

import shutil
from pathlib import Path

import pytest

import vulneuron as vn
from runs import color_net
from vulneuron.analysis import Analysis, Settings, load_classifier


@pytest.fixture(scope="session", params=["linear", "nonlinear"])
def head(request: pytest.FixtureRequest) -> str:
    """The kind of the network's head."""
    return str(request.param)


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, head: str) -> Path:
    """A record, not to be changed."""
    return Path(request.getfixturevalue(f"{head}_record"))


@pytest.fixture(scope="session")
def analysis(template: Path, head: str, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """An analysis that tests share; which vulnerability maps it has depends on the order of the tests."""
    return _copied(template, tmp_path_factory.mktemp(head), head)


@pytest.fixture
def fresh_analysis(template: Path, head: str, tmp_path: Path) -> Analysis:
    """An analysis of its own for each test, without vulnerability maps."""
    return _copied(template, tmp_path, head)


def _copied(template: Path, folder: Path, head: str) -> Analysis:
    record = vn.open_record(shutil.copytree(template, folder / "run.zarr"))
    classifier = load_classifier(record, color_net(mlp=head == "nonlinear"))
    return Analysis(record, classifier, settings=Settings(stride=3))
