"""Options and fixtures that all tests share."""

from pathlib import Path

import pytest
import torch

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="update generated pages of docs/")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def linear_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of a network with a linear head; not to be changed."""
    out = tmp_path_factory.mktemp("linear") / "run.zarr"
    vn.analyze(color_net(), *color_pictures(), out=out, class_names=CLASS_NAMES)
    return out
