"""Without a random start, PGD and FGSM equal those of torchattacks and foolbox on the same network."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nets import average_pooled, randomized
from victims import SHAPE, predicted, random_images, victim
from vulneuron.attacks import FGSM, PGD, Attack
from vulneuron.attacks.foreign import PlainNetwork, require
from vulneuron.network import Classifier

torchattacks = pytest.importorskip("torchattacks", reason="pip install --no-deps torchattacks==3.5.1")
# Imported through Vulneuron, as foolbox imports names that SciPy deprecates.
foolbox = require("foolbox")


def with_batch_norm() -> Classifier:
    torch.manual_seed(5)
    net = randomized(average_pooled())
    linear = net[-1]  # type: ignore[index]
    assert isinstance(linear, nn.Linear)
    nn.init.normal_(linear.weight, std=5)
    return Classifier(net, mean=[0.5, 0.4, 0.3], std=[0.2, 0.3, 0.25], input_shape=SHAPE, device="cpu")


def smooth() -> Classifier:
    # Softmax in float32 saturates on steep networks, where gradients are mostly rounding.
    return victim(steepness=5)


CLASSIFIERS = {"smooth": smooth, "batch norm, ReLU, normalized": with_batch_norm}


@pytest.fixture(params=CLASSIFIERS)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return CLASSIFIERS[request.param]()


def run(attack: Attack, classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    result = attack(classifier, images, labels).images
    # Agreement on unchanged images would prove nothing.
    assert (result - images).abs().amax(dim=(1, 2, 3)).min() > 1e-3
    return result


def run_torchattacks(attack: Any, images: Tensor, labels: Tensor, target: int | None) -> Tensor:
    if target is not None:
        attack.set_mode_targeted_by_label(quiet=True)
        labels = torch.full_like(labels, target)
    result: Tensor = attack(images, labels)
    return result


def run_foolbox(
    attack: Any, classifier: Classifier, images: Tensor, labels: Tensor, eps: float, target: int | None
) -> Tensor:
    model = foolbox.PyTorchModel(PlainNetwork(classifier), bounds=(0, 1), device="cpu")
    criterion = foolbox.criteria.Misclassification(labels)
    if target is not None:
        criterion = foolbox.criteria.TargetedMisclassification(torch.full_like(labels, target))
    _, clipped, _ = attack(model, images, criterion, epsilons=eps)
    assert isinstance(clipped, Tensor)
    return clipped


def assert_same(adversarial: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(adversarial, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("target", [None, 1])
@pytest.mark.parametrize(("eps", "step_size", "steps"), [(8 / 255, 2 / 255, 7), (0.1, 0.03, 12)])
def test_linf_pgd_equals_both_libraries(
    classifier: Classifier, eps: float, step_size: float, steps: int, target: int | None
) -> None:
    images = random_images(8)
    labels = predicted(classifier, images)
    adversarial = run(
        PGD(eps, step_size, steps, target=target, random_start=False), classifier, images, labels
    )
    attack = torchattacks.PGD(PlainNetwork(classifier), eps, step_size, steps, random_start=False)
    assert_same(adversarial, run_torchattacks(attack, images, labels, target))
    attack = foolbox.attacks.LinfPGD(abs_stepsize=step_size, steps=steps, random_start=False)
    assert_same(adversarial, run_foolbox(attack, classifier, images, labels, eps, target))


@pytest.mark.parametrize("target", [None, 1])
@pytest.mark.parametrize(("eps", "step_size", "steps"), [(0.5, 0.1, 7), (2.0, 0.6, 12)])
def test_l2_pgd_equals_both_libraries(
    classifier: Classifier, eps: float, step_size: float, steps: int, target: int | None
) -> None:
    images = random_images(8)
    labels = predicted(classifier, images)
    attack = PGD(eps, step_size, steps, "l2", target, random_start=False)
    adversarial = run(attack, classifier, images, labels)
    # By default torchattacks adds 1e-10 to the norm of a gradient, which affects tiny ones.
    foreign = torchattacks.PGDL2(
        PlainNetwork(classifier), eps, step_size, steps, random_start=False, eps_for_division=0
    )
    assert_same(adversarial, run_torchattacks(foreign, images, labels, target))
    foreign = foolbox.attacks.L2PGD(abs_stepsize=step_size, steps=steps, random_start=False)
    assert_same(adversarial, run_foolbox(foreign, classifier, images, labels, eps, target))


@pytest.mark.parametrize("eps", [2 / 255, 8 / 255, 0.1])
def test_linf_fgsm_equals_both_libraries(classifier: Classifier, eps: float) -> None:
    images = random_images(8)
    labels = predicted(classifier, images)
    adversarial = run(FGSM(eps), classifier, images, labels)
    assert_same(
        adversarial, run_torchattacks(torchattacks.FGSM(PlainNetwork(classifier), eps), images, labels, None)
    )
    attack = foolbox.attacks.LinfFastGradientAttack()
    assert_same(adversarial, run_foolbox(attack, classifier, images, labels, eps, None))


def test_targeted_linf_fgsm_equals_torchattacks(classifier: Classifier) -> None:
    images = random_images(8)
    labels = predicted(classifier, images)
    attack = torchattacks.FGSM(PlainNetwork(classifier), 8 / 255)
    adversarial = run(FGSM(target=1), classifier, images, labels)
    assert_same(adversarial, run_torchattacks(attack, images, labels, 1))


@pytest.mark.parametrize("eps", [0.1, 1.0])
def test_l2_fgsm_equals_foolbox(classifier: Classifier, eps: float) -> None:
    images = random_images(8)
    labels = predicted(classifier, images)
    attack = foolbox.attacks.L2FastGradientAttack()
    adversarial = run(FGSM(eps, "l2"), classifier, images, labels)
    assert_same(adversarial, run_foolbox(attack, classifier, images, labels, eps, None))
