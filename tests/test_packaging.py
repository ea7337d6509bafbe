"""The package's declarations, and the lock file derived from them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

FIX = "uv.lock is stale: run `make lock`"
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    return tomllib.loads((ROOT / "uv.lock").read_text())


def name_and_bounds(requirement: str) -> tuple[str, str]:
    match = re.match(r"([\w-]+)(?:\[[\w,-]+\])?(.*)", requirement)
    assert match is not None
    bounds = sorted(part.strip() for part in match[2].split(",") if part.strip())
    return match[1].lower().replace("_", "-"), ",".join(bounds)


def locked(requirements: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {name_and_bounds(one["name"] + one.get("specifier", "")) for one in requirements}


def test_lock_file_is_of_these_dependencies(project: dict[str, Any], lock: dict[str, Any]) -> None:
    (own,) = (package for package in lock["package"] if package["name"] == "vulneuron")
    extras = project["project"]["optional-dependencies"].values()
    declared = [*project["project"]["dependencies"], *(one for extra in extras for one in extra)]
    assert locked(own["metadata"]["requires-dist"]) == {name_and_bounds(one) for one in declared}, FIX
    groups = project["dependency-groups"]
    for name in ("test", "lint", "docs"):
        assert locked(own["metadata"]["requires-dev"][name]) == {
            name_and_bounds(one) for one in groups[name]
        }, FIX


def test_lock_file_names_no_other_index(lock: dict[str, Any]) -> None:
    sources = [package["source"] for package in lock["package"] if package["name"] != "vulneuron"]
    assert all(source == {"registry": "https://pypi.org/simple"} for source in sources)
    files = [file for package in lock["package"] for file in package.get("wheels", [])]
    assert all(file["url"].startswith("https://files.pythonhosted.org/packages/") for file in files)


def test_development_tools_are_not_published(project: dict[str, Any]) -> None:
    published = str(project["project"])
    assert not [tool for tool in ("pytest", "mypy", "ruff", "mkdocs", "playwright") if tool in published]
