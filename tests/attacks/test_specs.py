"""Attacks from specs."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from victims import predicted, random_images, victim
from vulneuron.attacks import (
    FGSM,
    PGD,
    FoolboxAttack,
    FunctionAttack,
    TorchattacksAttack,
    as_attack,
    attack_label,
    built_in_attacks,
    format_epsilon,
    make_attack,
)
from vulneuron.attacks.foreign import require
from vulneuron.errors import AttackError

pytest.importorskip("torchattacks", reason="pip install --no-deps torchattacks==3.5.1")
foolbox = require("foolbox")


@pytest.fixture(autouse=True)
def _clean_import_state() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("spec", "options", "expected"),
    [
        ("pgd", {}, PGD()),
        ("fgsm", {}, FGSM()),
        ("pgd", {"eps": "4/255", "step_size": 0.01, "steps": 20}, PGD(4 / 255, 0.01, 20)),
        ("pgd", {"norm": "l2", "eps": "0.5", "step_size": "0.1"}, PGD(0.5, 0.1, norm="l2")),
        ("pgd", {"target": 3}, PGD(target=3)),
        ("pgd?restarts=5&early_stop=true", {"steps": 3}, PGD(steps=3, restarts=5, early_stop=True)),
        ("pgd?eps=4/255&random_start=False", {}, PGD(4 / 255, random_start=False)),
        ("fgsm?eps=0.1", {"norm": "linf"}, FGSM(0.1)),
        ("fgsm", {"norm": "l2", "eps": 1}, FGSM(1, "l2")),
    ],
)
def test_pgd_and_fgsm_by_name(spec: str, options: dict[str, Any], expected: PGD | FGSM) -> None:
    assert make_attack(spec, **options) == expected


def test_names_become_attacks() -> None:
    assert as_attack("pgd") == PGD()
    assert as_attack("fgsm?eps=0.1") == FGSM(0.1)
    with pytest.raises(AttackError, match=r"given 'pdg' as an attack.* Perhaps you mean pgd"):
        as_attack("pdg")


def test_foolbox_by_name() -> None:
    attack = make_attack(
        "foolbox:LinfPGD?random_start=false", eps="8/255", steps=3, step_size="2/255", target=2
    )
    assert isinstance(attack, FoolboxAttack)
    assert isinstance(attack.attack, foolbox.attacks.LinfPGD)
    assert (attack.attack.steps, attack.attack.abs_stepsize, attack.attack.random_start) == (
        3,
        2 / 255,
        False,
    )
    assert (attack.eps, attack.target) == (8 / 255, 2)
    attack = make_attack("foolbox:L2CarliniWagnerAttack?binary_search_steps=2", step_size=0.05)
    assert isinstance(attack, FoolboxAttack)
    assert (attack.eps, attack.attack.stepsize, attack.attack.binary_search_steps) == (None, 0.05, 2)


def test_torchattacks_by_name() -> None:
    attack = make_attack(
        "torchattacks:PGD?random_start=false", eps="8/255", steps=3, step_size="2/255", target=2
    )
    arguments = {"eps": 8 / 255, "steps": 3, "alpha": 2 / 255, "random_start": False}
    assert attack == TorchattacksAttack("PGD", arguments, 2)
    assert attack.parameters()["eps"] == "8/255"
    assert make_attack("torchattacks:CW?c=1.5&kappa=0") == TorchattacksAttack("CW", {"c": 1.5, "kappa": 0})
    assert make_attack("torchattacks:APGD?loss=ce", norm="l2", eps=0.5) == TorchattacksAttack(
        "APGD", {"norm": "L2", "eps": 0.5, "loss": "ce"}
    )


@pytest.mark.parametrize("spec", ["foolbox:LinfPGD", "torchattacks:PGD"])
def test_attacks_of_libraries_by_name_equal_pgd(spec: str) -> None:
    classifier, images = victim(), random_images(4)
    labels = predicted(classifier, images)
    options = {"eps": "8/255", "step_size": "2/255", "steps": 7}
    result = make_attack(f"{spec}?random_start=false", **options)(classifier, images, labels)  # type: ignore[arg-type]
    expected = PGD(random_start=False)(classifier, images, labels)
    torch.testing.assert_close(result.images, expected.images, rtol=0, atol=1e-6)


FILE = """
from vulneuron.attacks import FGSM, PGD

def darken(classifier, images, labels, eps=0.5):
    return images * (1 - eps)

def strict(classifier, images, labels):
    return images

def make(steps=3, eps=0.1):
    return PGD(eps=eps, steps=steps)

def make_function():
    return strict

def fails():
    raise ValueError("no luck")

def nothing():
    pass

READY = FGSM()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_attack_functions_of_a_file(file: Path) -> None:
    classifier, images = victim(), random_images(4)
    labels = predicted(classifier, images)
    attack = make_attack(f"{file}:darken", eps=0.25)
    assert isinstance(attack, FunctionAttack)
    torch.testing.assert_close(attack(classifier, images, labels).images, images * 0.75)
    assert attack.name == f"{file}:darken"
    assert attack.parameters() == {"eps": 0.25, "digest": hashlib.sha256(FILE.encode()).hexdigest()[:16]}
    assert make_attack(f"{file}:darken?eps=1/4").parameters() == attack.parameters()
    torch.testing.assert_close(make_attack(f"{file}:darken")(classifier, images, labels).images, images * 0.5)


def test_attacks_created_by_a_file(file: Path) -> None:
    assert make_attack(f"{file}:make") == PGD(eps=0.1, steps=3)
    assert make_attack(f"{file}:make", steps=5, eps="4/255") == PGD(eps=4 / 255, steps=5)
    assert make_attack(f"{file}:READY") == FGSM()
    assert make_attack(f"{file}:PGD") == PGD()
    assert isinstance(make_attack(f"{file}:make_function"), FunctionAttack)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("strict", {"steps": 3}, "given steps for .*strict, which has no such parameter"),
        ("READY", {"eps": 0.1}, "given eps for .*READY, .* Allowed: no parameters"),
        ("make", {"norm": "l2"}, r"given norm for .*make.* Allowed: steps, eps"),
        ("make", {"eps": 8}, "given eps = 8 for linf"),
        ("fails", {}, "fails cannot be created: ValueError: no luck"),
        ("nothing", {}, "given None as an attack"),
        ("missing", {}, "'missing', which does not exist in .* Allowed: darken, fails, make, make_function"),
    ],
)
def test_errors_in_a_file_are_described(
    file: Path, name: str, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(AttackError, match=expected):
        make_attack(f"{file}:{name}", **options)


@pytest.mark.parametrize(
    ("spec", "options", "expected"),
    [
        (
            "pdg",
            {},
            r"given 'pdg' as an attack\. Allowed: fgsm, pgd, foolbox:NAME.* Perhaps you mean pgd",
        ),
        ("PGD", {}, "Perhaps you mean pgd"),
        ("cw", {}, r"Choose one of these forms"),
        ("", {}, "given '' as an attack"),
        ("foolbx:LinfPGD", {}, "Perhaps you mean foolbox"),
        ("foolbox", {}, r"given 'foolbox' as an attack\."),
        (
            "fgsm",
            {"steps": 3},
            r"given steps for fgsm, which has no such parameter\. Allowed: eps, norm, target",
        ),
        ("fgsm", {"step_size": 3}, "given step_size for fgsm"),
        ("pgd?restart=3", {}, r"given restart for pgd.* Perhaps you mean restarts"),
        ("pgd?eps=4/255", {"eps": 0.1}, r"given eps in 'pgd\?eps=4/255' and again as 0\.1"),
        ("pgd?steps=4&steps=5", {}, "given the option 'steps=5' twice in"),
        ("pgd?steps", {}, r"given the option 'steps' in 'pgd\?steps'\. Allowed: .*key=value"),
        ("pgd?steps=", {}, "given the option 'steps=' in"),
        ("pgd?steps=many", {}, "given steps = 'many'"),
        ("pgd?eps=big", {}, "given epsilon 'big'"),
        ("pgd", {"eps": "8"}, r"given eps = 8 for linf"),
        ("pgd", {"eps": "-1/255"}, "given epsilon '-1/255'"),
        ("pgd", {"norm": "l2"}, "given norm l2 for pgd without eps and step_size"),
        ("pgd", {"norm": "l2", "eps": 0.5}, "given norm l2 for pgd without step_size"),
        ("fgsm", {"norm": "l2"}, "given norm l2 for fgsm without eps"),
        ("pgd", {"norm": "l1", "eps": 0.5}, "given norm 'l1'"),
        (
            "foolbox:LinfPDG",
            {"eps": 0.1},
            r"given 'LinfPDG' as an attack of foolbox.* Perhaps you mean LinfPGD",
        ),
        ("foolbox:", {}, "given '' as an attack of foolbox"),
        ("foolbox:Attack", {}, "given 'Attack' as an attack of foolbox"),
        ("foolbox:LinfPGD", {}, "given no eps for foolbox:Linf"),
        (
            "foolbox:LinfPGD",
            {"eps": 0.1, "norm": "l2"},
            r"given norm for foolbox:LinfPGD.* Allowed: eps, target, rel",
        ),
        ("foolbox:LinfFastGradientAttack", {"eps": 0.1, "step_size": 1}, "given step_size for foolbox:Linf"),
        ("torchattacks:LinfPGD", {}, "given 'LinfPGD' as an attack of torchattacks"),
        (
            "torchattacks:CW",
            {"eps": 0.1},
            r"given eps for torchattacks:CW.* Allowed: target, c, kappa, steps, lr",
        ),
        ("torchattacks:MultiAttack", {}, "given 'MultiAttack' as an attack of torchattacks"),
        ("torchattacks:FGSM", {"target": -1}, "given target = -1"),
        ("nowhere.py:attack", {}, r"nowhere\.py', which does not exist"),
    ],
)
def test_bad_specs_are_described_in_one_line(spec: str, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(AttackError, match=expected) as caught:
        make_attack(spec, **options)
    assert "\n" not in str(caught.value)


def test_nearly_all_foolbox_attacks_can_be_created() -> None:
    listed = [name for name in vars(foolbox.attacks) if name.endswith(("Attack", "PGD", "FGSM"))]
    created = 0
    for name in listed:
        try:
            created += isinstance(make_attack(f"foolbox:{name}", eps=0.1), FoolboxAttack)
        except AttackError as error:
            # Abstract classes, and those with arguments that a string cannot express.
            assert "as an attack of foolbox" in str(error) or "cannot be created" in str(error)  # noqa: PT017
    assert created > 30


@pytest.mark.parametrize("library", ["foolbox", "torchattacks"])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(AttackError, match=f"the package {library} cannot be imported.* Install it with"):
        make_attack(f"{library}:PGD", eps=format_epsilon(0.1))


def test_built_in_attacks_are_those_that_the_modules_declare() -> None:
    declared = {"fgsm": FGSM, "pgd": PGD}
    assert declared.items() <= dict(built_in_attacks()).items()
    for name, attack in built_in_attacks().items():
        assert make_attack(name).name == name
        assert attack_label(name) == attack.display_name != ""
    assert attack_label("foolbox:LinfPGD") == "foolbox:LinfPGD"


def test_an_unknown_attack_is_told_the_built_in_ones() -> None:
    with pytest.raises(AttackError, match="fgsm, pgd, foolbox:NAME"):
        make_attack("beauty")
