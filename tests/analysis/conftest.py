"""Analyses of small records, with a linear head and without."""

import shutil
from pathlib import Path

import pytest
from torch import nn

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.analysis import Analysis, Settings, load_classifier


@pytest.fixture(scope="module", params=[False, True], ids=["linear head", "MLP head"])
def template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, nn.Module]:
    out = tmp_path_factory.mktemp("analysis") / "run.zarr"
    net = color_net(mlp=request.param)
    vn.analyze(net, *color_pictures(a_class=10), out=out, class_names=CLASS_NAMES)
    return out, net


@pytest.fixture
def analysis(template: tuple[Path, nn.Module], tmp_path: Path) -> Analysis:
    path, net = template
    record = vn.open_record(shutil.copytree(path, tmp_path / "run.zarr"))
    return Analysis(record, load_classifier(record, net), settings=Settings(stride=3))
