"""When an installation builds the front-end: if what is there is older than one of its sources."""

import os
import runpy
from pathlib import Path
from typing import Any

import pytest

HOOK: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "hatch_build.py"))
BUILT = "src/vulneuron/server/static/index.html"
SOURCES = (
    "web/index.html",
    "web/package-lock.json",
    "web/public/icon.svg",
    "web/src/main.ts",
    "web/src/shell/Shell.svelte",
)
GENERATED = "web/src/api/schema.d.ts"


def touch(root: Path, name: str, seconds: int) -> None:
    """Write a file that was last changed at a time."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(name)
    os.utime(file, (seconds, seconds))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose front-end was built after its last change."""
    for name in (*SOURCES, GENERATED):
        touch(tmp_path, name, 1000)
    touch(tmp_path, BUILT, 1001)
    return tmp_path


def is_fresh(project: Path) -> bool:
    found: bool = HOOK["is_fresh"](project)
    return found


def test_newer_than_all_sources(project: Path) -> None:
    assert is_fresh(project)


def test_all_of_one_time(project: Path) -> None:
    """As in a source distribution, whose files all have the same time."""
    touch(project, BUILT, 1000)
    assert is_fresh(project)


def test_not_built(project: Path) -> None:
    (project / BUILT).unlink()
    assert not is_fresh(project)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_newer(project: Path, name: str) -> None:
    touch(project, name, 1002)
    assert not is_fresh(project)


def test_a_new_source(project: Path) -> None:
    touch(project, "web/src/lib/new.ts", 1002)
    assert not is_fresh(project)


def test_what_is_generated_and_installed_is_no_source(project: Path) -> None:
    """The checks regenerate the types of the API; the packages come from the lock file."""
    touch(project, GENERATED, 1002)
    touch(project, "web/node_modules/vite/index.js", 1002)
    touch(project, "src/vulneuron/server/static/assets/index.js", 1002)
    assert is_fresh(project)
