"""Options and fixtures that all tests share."""

import pytest
import torch


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write generated pages of docs/ anew")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
