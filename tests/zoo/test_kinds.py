"""Each kind of model and image file is read as the table in the documentation says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.kinds import page, tables

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
ROWS = [(title, name) for title, names in tables().items() for name in names]


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], str]]:
    """Rows that the tests of this module have made."""
    made: dict[tuple[str, str], str] = {}
    yield made
    if request.config.getoption("--update"):
        PAGE.write_text(page(made))


@pytest.mark.parametrize(("title", "name"), ROWS)
def test_kind_is_read_as_the_table_says(
    title: str, name: str, rows: dict[tuple[str, str], str], pytestconfig: pytest.Config
) -> None:
    row = rows[title, name] = tables()[title][name]()
    if not pytestconfig.getoption("--update"):
        assert row in PAGE.read_text().splitlines()


def test_page_has_no_other_rows(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update"):
        return  # the page is written after the last test
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert len(lines) == len(ROWS) + len(tables())
