"""The split of common networks is verified, and agrees with the table in the documentation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vulneuron.network.split import TOLERANCE
from zoo.zoo import NETWORKS, build, page

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Rows that the tests of this module have made, in the order of the networks."""
    made: dict[str, str] = {}
    yield made
    if request.config.getoption("--update"):
        PAGE.write_text(page(list(made.values())))


@pytest.mark.parametrize("name", NETWORKS)
def test_split_is_verified_and_agrees_with_the_table(
    name: str, rows: dict[str, str], pytestconfig: pytest.Config
) -> None:
    row = build(name)
    split = row.classifier.split
    assert split.error <= TOLERANCE
    # Neither a 1x1 logit map nor a pooled map is a target layer.
    assert split.neurons != row.classifier.classes or split.map_shape == (1, 1)
    assert min(split.map_shape) > 1
    rows[name] = row.text
    if not pytestconfig.getoption("--update"):
        assert row.text in PAGE.read_text().splitlines()


def test_table_lists_all_networks(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update"):
        return  # the page is written after the last test
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(listed) == len(NETWORKS)
