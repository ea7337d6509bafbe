"""Digests of functions."""

import functools
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from vulneuron.attacks import FunctionAttack
from vulneuron.attacks.digest import function_digest

SCALE = 0.5


def scaled(classifier: object, images: Tensor, labels: Tensor, amount: float = 0.5) -> Tensor:
    return images * amount


def scaled_less(classifier: object, images: Tensor, labels: Tensor, amount: float = 0.75) -> Tensor:
    return images * amount


def shifted(classifier: object, images: Tensor, labels: Tensor, amount: float = 0.5) -> Tensor:
    return images + amount


def scaling_by(amount: float) -> Callable[..., Tensor]:
    return lambda classifier, images, labels: images * amount


def by_module_constant(classifier: object, images: Tensor, labels: Tensor) -> Tensor:
    return images * SCALE


class Scaling:
    def __init__(self, amount: float) -> None:
        self.amount = amount

    def __call__(self, classifier: object, images: Tensor, labels: Tensor) -> Tensor:
        return images * self.amount

    def method(self, classifier: object, images: Tensor, labels: Tensor) -> Tensor:
        return images * self.amount


DIFFERENT: list[Callable[..., Any]] = [
    scaled,
    scaled_less,
    shifted,
    scaling_by(0.25),
    scaling_by(0.125),
    *[lambda *args: args[1], lambda *args: 1 - args[1]],
    lambda classifier, images, labels: images.sin(),
    lambda classifier, images, labels: images.cos(),
    lambda classifier, images, labels: [row * 0.5 for row in images],
    lambda classifier, images, labels: [row * 0.6 for row in images],
    by_module_constant,
    functools.partial(scaled, amount=0.1),
    functools.partial(scaled, amount=0.2),
    functools.partial(shifted, amount=0.2),
    Scaling(0.5),
    Scaling(0.6),
    Scaling(0.5).method,
    torch.no_grad()(scaling_by(0.3)),
    torch.no_grad()(scaling_by(0.4)),
    torch.add,
    torch.sub,
]


def test_different_functions_have_different_digests() -> None:
    digests = [function_digest(function) for function in DIFFERENT]
    # A callable object and its method with the same code share a digest.
    assert len(set(digests)) == len(digests) - 1
    assert function_digest(Scaling(0.5)) == function_digest(Scaling(0.5).method)
    assert [function_digest(function) for function in DIFFERENT] == digests


def test_two_lambdas_have_different_parameters() -> None:
    first, second = map(FunctionAttack, [lambda *args: args[1], lambda *args: 1 - args[1]])
    assert first.name == second.name
    assert first.parameters() != second.parameters()
    assert scaling_by(0.5) is not scaling_by(0.5)
    assert FunctionAttack(scaling_by(0.5)).parameters() == FunctionAttack(scaling_by(0.5)).parameters()


def test_module_constants_change_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = function_digest(by_module_constant)
    monkeypatch.setitem(by_module_constant.__globals__, "SCALE", 0.25)
    assert function_digest(by_module_constant) != before


FILE = """
import torch

def attack(classifier, images, labels, network=torch.nn.ReLU(), names=("a",)):
    return [image for image in images if image in {"some", "texts", "in", "a", "set"}]
"""
PRINTED = """
import runpy, sys
from vulneuron.attacks.digest import function_digest

sys.stdout.write(function_digest(runpy.run_path(sys.argv[1])["attack"]))
"""


@pytest.mark.slow
def test_digests_are_equal_in_all_processes(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "file.py" for folder in ("here", "there")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(FILE)
    here = function_digest(runpy.run_path(str(paths[0]))["attack"])
    # The order of strings in a set depends on this seed, which is random in this process.
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", PRINTED, str(paths[1])]
    there = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert there == here
