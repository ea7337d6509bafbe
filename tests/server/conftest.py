"""A small record behind a server: in this process, or behind a real port."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures, model_file
from served import Served, running_server
from vulneuron.server.app import create_app
from vulneuron.server.library import Library


@pytest.fixture(scope="session", params=["linear_record", "nonlinear_record"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of two dozen pairs, of either kind of head."""
    record = request.getfixturevalue(request.param)
    return Path(shutil.copytree(record, tmp_path_factory.mktemp("served") / "some run.zarr"))


@pytest.fixture(scope="session")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record whose network is in a file of the user."""
    folder = tmp_path_factory.mktemp("linear")
    pictures, labels = color_pictures(a_class=10)
    out = folder / "colors.zarr"
    vn.analyze(model_file(folder), pictures, labels, out=out, class_names=CLASS_NAMES)
    return out


@pytest.fixture(scope="session")
def served(template: Path) -> Iterator[Served]:
    """The template with its network, and a client in this process; not to be changed."""
    with _in_process(template) as one:
        yield one


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Iterator[Served]:
    """The same, on a copy that a test may change."""
    with _in_process(Path(shutil.copytree(template, tmp_path / template.name))) as one:
        yield one


@contextmanager
def _in_process(path: Path) -> Iterator[Served]:
    mlp = "weight" not in vn.open_record(path).layer().dataset
    library = Library([path], color_net(mlp=mlp))
    app = create_app(library, pages=path / "no pages")
    library["some-run"].join()
    with TestClient(app, base_url="http://localhost") as client:
        yield Served(path, app.state.server, client)
    app.state.server.close()


@pytest.fixture
def copied(linear: Path, tmp_path: Path) -> Path:
    """A record that a test may damage."""
    return Path(shutil.copytree(linear, tmp_path / linear.name))


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    """Start servers with real ports; see `served.running_server`."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(running_server(*arguments, **options))
