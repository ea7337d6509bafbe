"""The package and its commands import slow libraries only when they are needed."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import vulneuron
from vulneuron.cli.app import COMMANDS

SLOW = {
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "zarr",
    "fastapi",
    "openTSNE",
    "matplotlib",
}
#: Those whose help takes no more than the help of all.
LIGHT_COMMANDS = ("analyze", "info", "serve", "doctor", "demo", "report", "findings")


def imported(*arguments: str) -> set[str]:
    """Top-level packages that Python imports when it is called like this."""
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    lines = [line for line in finished.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import vulneuron"),
        ("-m", "vulneuron", "--version"),
        ("-m", "vulneuron", "--help"),
        *[("-m", "vulneuron", command, "--help") for command in LIGHT_COMMANDS],
    ],
    ids=" ".join,
)
def test_nothing_slow_is_imported_before_it_is_used(arguments: tuple[str, ...]) -> None:
    packages = imported(*arguments)
    assert "vulneuron" in packages
    assert not packages & SLOW


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_all_commands_says_what_each_says_of_itself(name: str) -> None:
    text = import_module(f"vulneuron.cli.{name}").command.__doc__
    assert COMMANDS[name] == " ".join(text.partition("\n\n")[0].split())


@pytest.mark.slow
def test_measures_and_records_do_without_torch() -> None:
    packages = imported("-c", "import vulneuron.measures, vulneuron.record.validation")
    assert {"numpy", "zarr"} <= packages
    assert not packages & {"torch", "torchvision", "fastapi", "xarray", "pandas"}


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
sys.argv = ["vulneuron", "serve", {record!r}, *{options!r}, "--port", "0", "--no-open"]
from vulneuron.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--model", "models.py:net")], ids=["alone", "with a network"])
def test_the_address_is_printed_before_torch_is_imported(
    linear_record: Path, options: tuple[str, ...]
) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(record=str(linear_record), options=options)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.stdout.startswith("The dashboard is at http://127.0.0.1:")
    # It fails without PyTorch, with a message.
    assert finished.returncode == 1
    assert "torch" in finished.stderr


def test_every_public_name_is_there() -> None:
    assert vulneuron.__all__ == sorted(vulneuron.__all__)
    assert dir(vulneuron) == vulneuron.__all__
    for name in vulneuron.__all__:
        assert getattr(vulneuron, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        vulneuron.nothing_of_the_kind  # type: ignore[attr-defined]  # noqa: B018
