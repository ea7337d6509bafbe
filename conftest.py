"""Fixtures for doctests of the package: objects for their examples, and a folder for their files."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestItem, DoctestModule

SOURCE = Path(__file__).parent / "src"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> DoctestModule | None:
    """Collect the doctests of a module of the package.

    Unlike with ``--doctest-modules``, only modules with examples are imported, and as parts of the package:
    pytest would execute them again, which duplicates their classes.
    """
    if (
        SOURCE not in file_path.parents
        or file_path.suffix != ".py"
        or ">>>" not in file_path.read_text("utf-8")
    ):
        return None
    parts = file_path.relative_to(SOURCE).with_suffix("").parts
    importlib.import_module(".".join(part for part in parts if part != "__init__"))
    return DoctestModule.from_parent(parent, path=file_path)


@pytest.fixture(scope="session")
def doctest_objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small model with images, and a finished record of it."""
    # Imported here, because only few tests are doctests.
    import torch  # noqa: PLC0415

    import runs  # noqa: PLC0415
    import vulneuron as vn  # noqa: PLC0415

    model = runs.color_net()
    pictures, labels = runs.color_pictures()
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    path = tmp_path_factory.mktemp("doctest") / "run.zarr"
    record = vn.analyze(model, images, labels, out=path, class_names=runs.CLASS_NAMES, progress=False)
    return {
        "vn": vn,
        "torch": torch,
        "model": model,
        "images": images,
        "labels": labels,
        "class_names": runs.CLASS_NAMES,
        "path": path,
        "record": record,
    }


@pytest.fixture(autouse=True)
def _doctest_environment(
    request: pytest.FixtureRequest, doctest_namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(request.node, DoctestItem):
        doctest_namespace.update(request.getfixturevalue("doctest_objects"))
        monkeypatch.chdir(request.getfixturevalue("tmp_path"))
