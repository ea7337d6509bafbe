"""A few damaged files, odd names and spec strings; `inputs.fuzz` runs many."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inputs.fuzz import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: str(target.__name__))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_odd_input_is_read_or_refused_in_one_line(target: Callable[[Any], None], data: st.DataObject) -> None:
    target(data.draw(TARGETS[target]))
