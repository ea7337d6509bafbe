"""Attacks of other libraries and user-defined functions behind our interface."""

import random
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nets import average_pooled
from victims import SHAPE, predicted, random_images, victim
from vulneuron.attacks import (
    FGSM,
    PGD,
    ArtAttack,
    FoolboxAttack,
    FunctionAttack,
    TorchattacksAttack,
    as_attack,
)
from vulneuron.attacks.digest import function_digest
from vulneuron.attacks.foreign import PlainNetwork, json_values, require
from vulneuron.errors import AttackError
from vulneuron.network import Classifier

torchattacks = pytest.importorskip("torchattacks", reason="pip install --no-deps torchattacks==3.5.1")
foolbox = require("foolbox")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return victim()


@pytest.fixture
def images() -> Tensor:
    return random_images(6)


def test_a_foolbox_attack_equals_pgd(classifier: Classifier, images: Tensor) -> None:
    labels = predicted(classifier, images)
    attack = FoolboxAttack(foolbox.attacks.LinfPGD(abs_stepsize=0.01, steps=5, random_start=False), 0.03)
    result = attack(classifier, images, labels)
    expected = PGD(0.03, 0.01, 5, random_start=False)(classifier, images, labels)
    torch.testing.assert_close(result.images, expected.images, rtol=0, atol=1e-6)
    assert torch.equal(result.success, expected.success)
    assert attack.name == "foolbox:LinfProjectedGradientDescentAttack"
    assert attack.parameters() == {
        "rel_stepsize": 0.01 / 0.3,
        "abs_stepsize": 0.01,
        "steps": 5,
        "random_start": False,
        "eps": "0.03",
        "target": None,
    }


def test_foolbox_attacks_stay_in_their_ball(classifier: Classifier, images: Tensor) -> None:
    labels = predicted(classifier, images)
    for make, eps, order in ((foolbox.attacks.L2PGD, 0.7, 2), (foolbox.attacks.LinfPGD, 8 / 255, np.inf)):
        attack = FoolboxAttack(make(steps=5, abs_stepsize=eps / 3), eps)
        assert attack.ball is not None
        result = attack(classifier, images, labels)
        change = result.images.numpy().astype(np.float64) - images.numpy().astype(np.float64)
        assert max(np.linalg.norm(perturbation.ravel(), order) for perturbation in change) <= eps


def test_foolbox_attacks_reach_a_target(classifier: Classifier, images: Tensor) -> None:
    labels = predicted(classifier, images)
    attack = FoolboxAttack(foolbox.attacks.LinfPGD(steps=10, abs_stepsize=0.05), 0.2).aimed_at(1)
    result = attack(classifier, images, labels)
    assert (predicted(classifier, result.images) == 1).all()
    assert torch.equal(result.success, labels != 1)


def test_foolbox_attacks_that_minimize_need_no_epsilon(classifier: Classifier, images: Tensor) -> None:
    labels = predicted(classifier, images)
    attack = FoolboxAttack(foolbox.attacks.L2DeepFoolAttack(steps=20), None)
    assert attack.ball is None
    result = attack(classifier, images, labels)
    assert result.success.all()
    limited = FoolboxAttack(foolbox.attacks.L2DeepFoolAttack(steps=20), 1e-3)(classifier, images, labels)
    assert not limited.success.all()


def test_foolbox_needs_an_instance_and_an_epsilon() -> None:
    with pytest.raises(AttackError, match=r"given no eps for foolbox:LinfProjected"):
        FoolboxAttack(foolbox.attacks.LinfPGD(), None)
    with pytest.raises(AttackError, match=r"given eps = 8 for linf"):
        FoolboxAttack(foolbox.attacks.LinfPGD(), 8)
    with pytest.raises(AttackError, match="as a foolbox attack"):
        FoolboxAttack(foolbox.attacks.LinfPGD, 0.1)
    with pytest.raises(AttackError, match=r"given eps = -1"):
        FoolboxAttack(foolbox.attacks.L1PGD(), -1)


FACTORIES = [
    TorchattacksAttack("PGD", {"eps": 0.03, "alpha": 0.01, "steps": 5, "random_start": False}),
    TorchattacksAttack(torchattacks.PGD, {"eps": 0.03, "alpha": 0.01, "steps": 5, "random_start": False}),
    TorchattacksAttack(lambda module: torchattacks.PGD(module, 0.03, 0.01, 5, random_start=False)),
]


@pytest.mark.parametrize("attack", FACTORIES)
@pytest.mark.parametrize("target", [None, 1])
def test_torchattacks_by_name_class_and_function_equal_pgd(
    classifier: Classifier, images: Tensor, attack: TorchattacksAttack, target: int | None
) -> None:
    labels = predicted(classifier, images)
    aimed = attack if target is None else attack.aimed_at(target)
    result = aimed(classifier, images, labels)
    expected = PGD(0.03, 0.01, 5, target=target, random_start=False)(classifier, images, labels)
    torch.testing.assert_close(result.images, expected.images, rtol=0, atol=1e-6)
    assert torch.equal(result.success, expected.success)


def test_torchattacks_are_recorded_by_name_and_arguments() -> None:
    attack = TorchattacksAttack("PGD", {"eps": 8 / 255, "alpha": 2 / 255}, target=3)
    assert attack.name == "torchattacks:PGD"
    assert attack.parameters() == {"eps": "8/255", "alpha": "2/255", "target": 3}
    assert TorchattacksAttack(torchattacks.CW).name == "torchattacks:CW"
    weak, strong = (
        TorchattacksAttack(make).parameters()
        for make in (lambda net: torchattacks.CW(net, c=1), lambda net: torchattacks.CW(net, c=2))
    )
    assert weak != strong


def test_attacks_that_reshape_gradients_work_on_a_classifier_in_channels_last(images: Tensor) -> None:
    classifier = Classifier(average_pooled(), input_shape=SHAPE, device="cpu")
    labels = predicted(classifier, images)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        torchattacks.PGDL2(classifier.module)(images, labels)
    TorchattacksAttack("PGDL2")(classifier, images, labels)


@pytest.mark.parametrize("name", ["CW", "DeepFool", "MIFGSM", "TPGD", "VANILA"])
def test_other_torchattacks_run(classifier: Classifier, images: Tensor, name: str) -> None:
    labels = predicted(classifier, images)
    result = TorchattacksAttack(name)(classifier, images, labels)
    assert torch.equal(result.success, predicted(classifier, result.images) != labels)


@pytest.mark.parametrize("name", ["APGDT", "FAB", "AutoAttack"])
def test_torchattacks_know_the_number_of_classes(classifier: Classifier, images: Tensor, name: str) -> None:
    labels = predicted(classifier, images)
    assert classifier.classes < 10, "the default of torchattacks"
    assert TorchattacksAttack(name, {"eps": 0.5})(classifier, images, labels).success.any()
    too_many = TorchattacksAttack("APGDT", {"eps": 1e-6, "n_classes": classifier.classes + 1})
    with pytest.raises(AttackError, match="out of bounds"):
        too_many(classifier, images, labels)


def test_torchattacks_refuses_unknown_names_and_arguments() -> None:
    with pytest.raises(
        AttackError, match=r"given 'PDG' as an attack of torchattacks\. Allowed: VANILA, GN, FGSM"
    ):
        TorchattacksAttack("PDG")
    with pytest.raises(
        AttackError, match=r"given epsilon for .*PGD\. Allowed: the network, then eps, alpha, steps"
    ):
        TorchattacksAttack("PGD", {"epsilon": 0.1})


def test_a_network_is_never_left_in_train_mode(classifier: Classifier, images: Tensor) -> None:
    def make(module: nn.Module) -> Any:
        attack = torchattacks.FGSM(module)
        attack.set_model_training_mode(model_training=True)
        return attack

    TorchattacksAttack(make)(classifier, images, predicted(classifier, images))
    assert not any(module.training for module in classifier.module.modules())


class Generator:
    """Like an attack of the Adversarial Robustness Toolbox."""

    attack_params = ("eps", "batch_size", "estimator")
    eps = 8 / 255
    batch_size = 32
    estimator = nn.Linear(1, 1)

    def generate(self, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        assert isinstance(x, np.ndarray)
        assert x.dtype == np.float32
        assert isinstance(y, np.ndarray)
        assert y.dtype == np.int64
        return np.clip(x + (y[:, None, None, None] + 1) * 0.01, 0, 1)


def test_objects_with_generate_are_attacks(classifier: Classifier, images: Tensor) -> None:
    labels = predicted(classifier, images)
    attack = as_attack(Generator())
    result = attack(classifier, images, labels)
    expected = (images + (labels + 1)[:, None, None, None] * 0.01).clamp(0, 1)
    torch.testing.assert_close(result.images, expected)
    assert attack.name == "art:Generator"
    assert attack.parameters() == {"eps": "8/255", "batch_size": 32, "estimator": "Linear", "target": None}
    aimed = ArtAttack(Generator(), target=2)(classifier, images, labels)
    torch.testing.assert_close(aimed.images, (images + 0.03).clamp(0, 1))
    with pytest.raises(AttackError, match="a method generate"):
        ArtAttack(object())


def blend(classifier: Classifier, images: Tensor, labels: Tensor, amount: float = 0.5) -> Tensor:
    assert isinstance(classifier, Classifier)
    assert labels.dtype == torch.int64
    return images * amount


def test_functions_return_tensors_or_arrays(classifier: Classifier, images: Tensor) -> None:
    labels = predicted(classifier, images)
    attack = as_attack(blend)
    torch.testing.assert_close(attack(classifier, images, labels).images, images * 0.5)
    assert (attack.name, attack.parameters()) == ("blend", {"digest": function_digest(blend)})
    attack = FunctionAttack(lambda classifier, images, labels: images.numpy().astype(np.float64))
    torch.testing.assert_close(attack(classifier, images, labels).images, images)
    attack = FunctionAttack(blend, {"amount": 0.25}, label="mine", digest="0123")
    torch.testing.assert_close(attack(classifier, images, labels).images, images * 0.25)
    assert (attack.name, attack.parameters()) == ("mine", {"amount": 0.25, "digest": "0123"})


def test_functions_may_modify_their_arguments(classifier: Classifier, images: Tensor) -> None:
    before, labels = images.clone(), predicted(classifier, images)
    labels_before = labels.clone()

    def spoil(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
        labels.zero_()
        return images.mul_(0.1)

    result = as_attack(spoil)(classifier, images, labels)
    assert torch.equal(images, before)
    assert torch.equal(labels, labels_before)
    assert torch.equal(result.success, predicted(classifier, images * 0.1) != labels)


def test_foreign_exceptions_become_one_line(classifier: Classifier, images: Tensor) -> None:
    def fails(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
        raise ValueError("first line\nsecond line")

    labels = predicted(classifier, images)
    with pytest.raises(
        AttackError, match=r"^attack .*fails failed: ValueError: first line second line\. Allowed"
    ):
        as_attack(fails)(classifier, images, labels)
    with pytest.raises(
        AttackError, match="torchattacks:DeepFool failed: ValueError: Targeted mode is not supported"
    ):
        TorchattacksAttack("DeepFool", target=1)(classifier, images, labels)
    with pytest.raises(
        AttackError, match="foolbox:LinfFastGradientAttack failed: ValueError: unsupported criterion"
    ):
        FoolboxAttack(foolbox.attacks.LinfFastGradientAttack(), 0.1, target=1)(classifier, images, labels)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), RuntimeError("MPS backend out of memory")])
def test_out_of_memory_errors_pass_through(classifier: Classifier, images: Tensor, error: Exception) -> None:
    def fails(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
        raise error

    with pytest.raises(type(error)) as caught:
        as_attack(fails)(classifier, images, predicted(classifier, images))
    assert caught.value is error


def test_our_own_errors_pass_through(classifier: Classifier, images: Tensor) -> None:
    def inner(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
        return FGSM(target=99)(classifier, images, labels).images

    with pytest.raises(AttackError, match=r"^given target 99"):
        as_attack(inner)(classifier, images, predicted(classifier, images))


def draws() -> tuple[float, float, float]:
    return torch.rand(()).item(), np.random.rand(), random.random()  # noqa: NPY002, S311  # under test


def test_foreign_random_numbers_follow_the_seeds_and_restore_the_generators(
    classifier: Classifier, images: Tensor
) -> None:
    drawn = []

    def noisy(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
        drawn.append(draws())
        return images

    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]  # noqa: NPY002
    labels = predicted(classifier, images)
    for seeds in (range(6), range(6), range(1, 7)):
        as_attack(noisy)(classifier, images, labels, seeds=seeds)
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # type: ignore[index]  # noqa: NPY002
    assert random.getstate() == states[2]


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (foolbox.attacks.LinfPGD(), r"without an epsilon\. Allowed: FoolboxAttack\(attack, eps\)"),
        (foolbox.attacks.LinfPGD, r"without an epsilon"),
        (
            torchattacks.PGD(victim().module),
            r"PGD, which is already bound to a network.*TorchattacksAttack\('PGD'",
        ),
        (
            lambda module: torchattacks.PGD(module, steps=3),
            r"cannot be called with three arguments.* in TorchattacksAttack",
        ),
        (PGD, "as an attack"),
        (None, "given None as an attack"),
        (Generator, "as an attack"),
    ],
)
def test_other_objects_are_refused(obj: object, expected: str) -> None:
    with pytest.raises(AttackError, match=expected):
        as_attack(obj)


def test_attacks_and_torchattacks_classes_are_accepted() -> None:
    attack = PGD()
    assert as_attack(attack) is attack
    assert as_attack(torchattacks.FFGSM) == TorchattacksAttack(torchattacks.FFGSM)


@pytest.mark.parametrize(
    ("package", "advice"),
    [("foolbox", r"'vulneuron\[foolbox\]'"), ("torchattacks", "--no-deps torchattacks")],
)
def test_a_missing_library_explains_its_installation(
    monkeypatch: pytest.MonkeyPatch, package: str, advice: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AttackError, match=f"the package {package} cannot be imported.*pip install {advice}"):
        require(package)


def test_parameters_become_json_values() -> None:
    values = {
        "eps": 8 / 255,
        "_rate": np.float32(0.5),
        "count": np.int64(3),
        "nothing": None,
        "sizes": (2, 10),
        "worst": float("inf"),
        "zero": 0.0,
        "network": nn.ReLU(),
        "function": draws,
        "objects": [object()],
    }
    assert json_values(values) == {
        "eps": "8/255",
        "rate": 0.5,
        "count": 3,
        "nothing": None,
        "sizes": "(2, 10)",
        "worst": "inf",
        "zero": 0.0,
        "network": "ReLU",
        "function": "draws",
        "objects": "list",
    }


def test_the_plain_network_equals_the_classifier(classifier: Classifier, images: Tensor) -> None:
    network = PlainNetwork(classifier)
    assert not network.training
    pixels = images.clone().requires_grad_()
    logits = network(pixels)
    assert torch.equal(logits, classifier(images))
    (gradient,) = torch.autograd.grad(logits.sum(), pixels)
    other = images.clone().requires_grad_()
    (expected,) = torch.autograd.grad(classifier(other).sum(), other)
    assert gradient.is_contiguous()
    assert torch.equal(gradient, expected)
