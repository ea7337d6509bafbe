"""User-defined functions from files."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vulneuron.errors import AttackError, ModelError
from vulneuron.inputs.userfile import load_function


@pytest.fixture(autouse=True)
def _clean_import_state() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_a_function_is_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", "def double(x):\n    return 2 * x\n")
    assert load_function(f"{path}:double", AttackError)(21) == 42


def test_a_class_is_a_callable_and_dataclasses_work(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass(frozen=True)\nclass Point:\n    x: int\n"
    )
    point = load_function(f"{write(tmp_path / 'mine.py', text)}:Point", AttackError)(3)
    assert point.x == 3


def test_siblings_can_be_imported_immediately_and_later(tmp_path: Path) -> None:
    write(tmp_path / "vulneuron_test_early.py", "ONE = 1\n")
    write(tmp_path / "vulneuron_test_late.py", "TWO = 2\n")
    path = write(
        tmp_path / "mine.py",
        "from vulneuron_test_early import ONE\n\n"
        "def total():\n    from vulneuron_test_late import TWO\n    return ONE + TWO\n",
    )
    before = list(sys.path)
    assert load_function(f"{path}:total", AttackError)() == 3
    # An installed package must not be hidden by a sibling once the file has run.
    assert sys.path[: len(before)] == before


def test_files_of_the_same_name_are_distinct(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "mine.py", "def answer():\n    return 'a'\n")
    second = write(tmp_path / "b" / "mine.py", "def answer():\n    return 'b'\n")
    functions = [load_function(f"{path}:answer", AttackError) for path in (first, second)]
    assert [function() for function in functions] == ["a", "b"]


def test_an_edited_file_takes_effect(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    write(path, "def answer():\n    return 1\n")
    assert load_function(f"{path}:answer", AttackError)() == 1
    write(path, "def answer():\n    return 'another length'\n")
    assert load_function(f"{path}:answer", AttackError)() == "another length"


@pytest.mark.parametrize(
    "spec", ["mine.py", "mine.py:", "mine.txt:function", "function", ":f", "a.py:b-c", ""]
)
def test_other_forms_are_refused(spec: str) -> None:
    with pytest.raises(ModelError, match=r"Allowed: PATH\.py:NAME"):
        load_function(spec, ModelError)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AttackError, match=r"nowhere\.py', which does not exist"):
        load_function(f"{tmp_path / 'nowhere.py'}:f", AttackError)


def test_a_missing_function_lists_the_existing_ones(tmp_path: Path) -> None:
    text = (
        "from pathlib import Path\nLIMIT = 3\n\ndef beta(): ...\n\ndef alpha(): ...\n\ndef _hidden(): ...\n"
    )
    path = write(tmp_path / "mine.py", text)
    with pytest.raises(AttackError, match=r"'gamma', which does not exist in .* Allowed: alpha, beta\. "):
        load_function(f"{path}:gamma", AttackError)
    with pytest.raises(AttackError, match="'LIMIT', which is not a function"):
        load_function(f"{path}:LIMIT", AttackError)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\nraise ValueError('two\\nlines')\n", r"ValueError: two lines \(line 2\)"),
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_package_at_all\n", "ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(line 2\)"),
    ],
)
def test_a_failing_file_is_described_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path / "mine.py", text)
    modules = set(sys.modules)
    with pytest.raises(ModelError, match=expected) as caught:
        load_function(f"{path}:f", ModelError)
    assert "\n" not in str(caught.value)
    assert not [name for name in set(sys.modules) - modules if "userfile" in name]
