"""Perturbation budgets as strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vulneuron.attacks import format_epsilon, parse_epsilon
from vulneuron.errors import AttackError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8/255", 8 / 255),
        (" 8 / 255 ", 8 / 255),
        ("2.5/255", 2.5 / 255),
        ("1/2", 0.5),
        ("0.03", 0.03),
        ("3e-2", 0.03),
        (0.25, 0.25),
        (1, 1.0),
    ],
)
def test_parsing_reads_fractions_and_numbers(text: str | float, value: float) -> None:
    assert parse_epsilon(text) == value


@pytest.mark.parametrize(
    "text", ["", "eight", "8/", "/255", "8/0", "8/255/2", "0", "-1/255", "nan", "inf", 0, -0.1, True, None]
)
def test_parsing_refuses_anything_else(text: str | float) -> None:
    with pytest.raises(AttackError, match=r"^given epsilon .* Allowed: a fraction such as 8/255"):
        parse_epsilon(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8 / 255, "8/255"),
        (2.5 / 255, "2.5/255"),
        (0.25 / 255, "0.25/255"),
        (0.0314, "0.0314"),
        (0.03, "0.03"),
        (0.5, "0.5"),
        (3.0, "3.0"),
        (1e-9, "1e-09"),
    ],
)
def test_formatting_writes_the_shorter_exact_form(value: float, text: str) -> None:
    assert format_epsilon(value) == text


def test_formatting_refuses_what_parsing_refuses() -> None:
    with pytest.raises(AttackError, match="epsilon -1"):
        format_epsilon(-1.0)


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False))
def test_every_epsilon_survives_a_round_trip(value: float) -> None:
    assert parse_epsilon(format_epsilon(value)) == value


@given(st.integers(1, 25500))
def test_gray_levels_survive_a_round_trip(hundredths: int) -> None:
    text = f"{hundredths / 100:g}/255"
    assert parse_epsilon(format_epsilon(parse_epsilon(text))) == parse_epsilon(text)
