"""The documentation's table of measures lists every declared measure."""

import importlib.util
from pathlib import Path

import pytest

from vulneuron.measures import MEASURES

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def page() -> str:
    """The page about measures, as MkDocs renders it."""
    spec = importlib.util.spec_from_file_location("measure_table", DOCS / "measure_table.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    markdown = (DOCS / "measures.md").read_text(encoding="utf-8")
    return str(hook.on_page_markdown(markdown, page=None, config=None, files=None))


@pytest.mark.parametrize("name", MEASURES)
def test_measure_is_in_the_table(page: str, name: str) -> None:
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    assert MEASURES[name].meaning in row
    assert MEASURES[name].unit in row
