"""Options and fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch
from filelock import FileLock

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures

# For `make fast`.
hypothesis.settings.register_profile("fast", max_examples=20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="update generated files")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of pytest, which all of its workers share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def linear_record(shared_folder: Path) -> Path:
    """A record of a network with a linear head, for tests that read it; others copy it."""
    return _record(shared_folder / "linear", mlp=False)


@pytest.fixture(scope="session")
def nonlinear_record(shared_folder: Path) -> Path:
    """A record of a network with an MLP as its head, for tests that read it; others copy it."""
    return _record(shared_folder / "nonlinear", mlp=True)


@pytest.fixture(scope="module")
def quick_projection() -> Iterator[None]:
    """Replace t-SNE, which takes most of the time of a small run, by the first two neurons' activations."""
    import openTSNE  # noqa: PLC0415  slow to import

    def fit(_tsne: object, activations: Any) -> Any:
        return activations[:, :2]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openTSNE.TSNE, "fit", fit)
        yield


def _record(folder: Path, *, mlp: bool) -> Path:
    out = folder / "run.zarr"
    # Made by the worker that comes first; the others find it complete.
    with FileLock(folder.with_suffix(".lock")):
        vn.analyze(color_net(mlp=mlp), *color_pictures(a_class=10), out=out, class_names=CLASS_NAMES)
    return out
