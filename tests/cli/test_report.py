"""`vulneuron report`: what it refuses. What it writes is tested in a browser."""

from pathlib import Path

import pytest

from commands import Command


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--findings"], "the record has no findings"),
        (["--findings", "--pairs", "1"], "both --findings and --pairs were given"),
        (["--pairs", "red:red"], "has no pair"),
        (["--single-file"], "Allowed: a name that ends in .html"),
        (["--count", "0"], "given --count = 0"),
    ],
)
def test_refusals(
    run: Command, linear_record: Path, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    status, printed, error = run("report", linear_record, "--out", tmp_path / "site", *arguments)
    assert (status, printed) == (1, "")
    assert reason in error
    assert error.count("\n") == 1
    assert not (tmp_path / "site").exists()
