"""PGD and FGSM, compared with slow rewrites on an affine network with a closed-form gradient."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from victims import CLASSES, SHAPE, predicted, random_images, victim
from vulneuron.attacks import FGSM, PGD
from vulneuron.errors import AttackError
from vulneuron.network import Classifier

Array = npt.NDArray[np.float64]
SIZE = math.prod(SHAPE)


@dataclass(frozen=True)
class Affine:
    """Logits W x + b with the interface of a `Classifier`; records the number of images of each call."""

    weight: Tensor
    bias: Tensor
    calls: list[int]
    classes: int = CLASSES

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def __call__(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        return self.logits(images)

    def logits(self, images: Tensor) -> Tensor:
        return (images.double().flatten(1) @ self.weight.T + self.bias).float()


@pytest.fixture
def affine() -> Affine:
    generator = torch.Generator().manual_seed(3)
    weight = 0.3 * torch.randn(CLASSES, SIZE, generator=generator, dtype=torch.float64)
    return Affine(weight, -weight.sum(1) / 2, [])


def as_classifier(affine: Affine) -> Classifier:
    return cast(Classifier, affine)


def loss_and_gradient(affine: Affine, image: Array, label: int, target: int | None) -> tuple[float, Array]:
    """Loss to increase, and its gradient (p - e_y) W or (e_t - p) W, of one flat image."""
    weight, bias = affine.weight.numpy(), affine.bias.numpy()
    logits = weight @ image + bias
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    if target is None:
        return -math.log(probabilities[label]), (probabilities - np.eye(CLASSES)[label]) @ weight
    return math.log(probabilities[target]), (np.eye(CLASSES)[target] - probabilities) @ weight


def slow_projection(point: Array, image: Array, eps: float, norm: str) -> Array:
    change = point - image
    if norm == "linf":
        change = np.clip(change, -eps, eps)
    elif np.linalg.norm(change) > eps:
        change = change * (eps / np.linalg.norm(change))
    return np.clip(image + change, 0, 1)


def slow_steps(affine: Affine, start: Array, image: Array, label: int, attack: PGD) -> list[Array]:
    """Start and all iterates of one image."""
    path = [start]
    for _ in range(attack.steps):
        _, gradient = loss_and_gradient(affine, path[-1], label, attack.target)
        direction = np.sign(gradient) if attack.norm == "linf" else gradient / np.linalg.norm(gradient)
        path.append(slow_projection(path[-1] + attack.step_size * direction, image, attack.eps, attack.norm))
    return path


def flat(images: Tensor) -> Array:
    return images.flatten(1).double().numpy()


def starts(attack: PGD, images: Tensor, seeds: Sequence[int]) -> Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return attack.ball.random_points(images, generators)


NORMS = [("linf", 0.05, 0.02), ("l2", 0.6, 0.25)]


@pytest.mark.parametrize(("norm", "eps", "step_size"), NORMS)
@pytest.mark.parametrize("target", [None, 2])
@pytest.mark.parametrize("random_start", [False, True])
def test_pgd_equals_the_textbook_algorithm(
    affine: Affine, norm: str, eps: float, step_size: float, target: int | None, random_start: bool
) -> None:
    images, labels = random_images(8), torch.arange(8) % CLASSES
    attack = PGD(eps, step_size, 6, norm, target, random_start)
    result = attack(as_classifier(affine), images, labels, seeds=range(8))
    begin = starts(attack, images, range(8)) if random_start else images
    for image, start, label, point, success in zip(
        flat(images), flat(begin), labels.tolist(), flat(result.images), result.success.tolist(), strict=True
    ):
        expected = slow_steps(affine, start, image, label, attack)[-1]
        np.testing.assert_allclose(point, expected, rtol=0, atol=1e-6)
        reached = int(np.argmax(affine.weight.numpy() @ point + affine.bias.numpy()))
        assert success == (reached != label if target is None else reached == target != label)


@pytest.mark.parametrize(("norm", "eps", "step_size"), NORMS)
@pytest.mark.parametrize("target", [None, 2])
def test_fgsm_is_one_step_to_the_boundary(
    affine: Affine, norm: str, eps: float, step_size: float, target: int | None
) -> None:
    images, labels = random_images(8), torch.arange(8) % CLASSES
    adversarial = FGSM(eps, norm, target)(as_classifier(affine), images, labels).images
    one_step = PGD(eps, eps, 1, norm, target, random_start=False)
    for image, label, point in zip(flat(images), labels.tolist(), flat(adversarial), strict=True):
        expected = slow_steps(affine, image, image, label, one_step)[-1]
        np.testing.assert_allclose(point, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("norm", "eps", "step_size"), NORMS)
@pytest.mark.parametrize("target", [None, 2])
def test_early_stop_keeps_the_first_successful_iterate(
    affine: Affine, norm: str, eps: float, step_size: float, target: int | None
) -> None:
    images, labels = random_images(12), torch.arange(12) % CLASSES
    attack = PGD(eps, step_size, 6, norm, target, early_stop=True)
    adversarial = attack(as_classifier(affine), images, labels, seeds=range(12)).images
    begin, lengths = starts(attack, images, range(12)), []
    for image, start, label, point in zip(
        flat(images), flat(begin), labels.tolist(), flat(adversarial), strict=True
    ):
        path = slow_steps(affine, start, image, label, attack)
        predictions = [int(np.argmax(affine.weight.numpy() @ x + affine.bias.numpy())) for x in path]
        reached = [p != label if target is None else p == target != label for p in predictions]
        first = reached.index(True) if any(reached) else attack.steps
        np.testing.assert_allclose(point, path[first], rtol=0, atol=1e-6)
        lengths.append(first)
    # The cases include a success at the start and one on the way.
    assert 0 in lengths
    assert len([n for n in lengths if 0 < n < attack.steps]) > 0


def test_early_stop_computes_no_gradients_of_successes(affine: Affine) -> None:
    images = random_images(20)
    labels = affine.logits(images).argmax(1)
    PGD(early_stop=True, steps=5)(as_classifier(affine), images, labels, seeds=range(20))
    assert affine.calls[0] == 20
    assert affine.calls == sorted(affine.calls, reverse=True)
    assert affine.calls[-1] < 20


@pytest.mark.parametrize("target", [None, 2])
def test_restarts_keep_the_first_success_or_the_highest_loss(affine: Affine, target: int | None) -> None:
    images = random_images(30)
    labels = affine.logits(images).argmax(1)
    attack = PGD(0.05, 3e-3, 2, "linf", target, restarts=4)
    seeds = range(100, 130)
    result = attack(as_classifier(affine), images, labels, seeds=seeds)
    kinds = set()
    for index, (image, label) in enumerate(zip(flat(images), labels.tolist(), strict=True)):
        generator = torch.Generator().manual_seed(seeds[index])
        ends = []
        for _ in range(4):
            start = flat(attack.ball.random_points(images[index : index + 1], [generator]))[0]
            ends.append(slow_steps(affine, start, image, label, attack)[-1])
        losses = [loss_and_gradient(affine, end, label, target)[0] for end in ends]
        predictions = [int(np.argmax(affine.weight.numpy() @ end + affine.bias.numpy())) for end in ends]
        reached = [p != label if target is None else p == target != label for p in predictions]
        best = reached.index(True) if any(reached) else int(np.argmax(losses))
        np.testing.assert_allclose(flat(result.images)[index], ends[best], rtol=0, atol=1e-6)
        assert bool(result.success[index]) == any(reached)
        kinds.add((any(reached), best > 0))
    assert len(kinds) >= 3


class StepFunction(Affine):
    """No gradient: a dark pixel is predicted right with low confidence, a bright one wrong with more."""

    def logits(self, images: Tensor) -> Tensor:
        below = torch.tensor([0.34, 0.33, 0.33, 1e-9]).log()
        above = torch.tensor([0.45, 0.55, 1e-9, 1e-9]).log()
        return torch.where(images.flatten(1) < 0.5, below, above) + 0 * images.flatten(1)


def test_a_success_beats_a_higher_loss(affine: Affine) -> None:
    images, label = torch.full((1, 1, 1, 1), 0.5), torch.zeros(1, dtype=torch.int64)
    steps = as_classifier(StepFunction(affine.weight, affine.bias, []))
    once = [PGD()(steps, images, label, seeds=[seed]).success.item() for seed in range(20)]
    assert {True, False} == set(once)
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        tries = [PGD().ball.random_points(images, [generator]).item() for _ in range(3)]
        result = PGD(restarts=3)(steps, images, label, seeds=[seed])
        expected = next((value for value in tries if value >= 0.5), tries[0])
        assert result.images.item() == expected
        assert result.success.item() == (expected >= 0.5)


def test_restarts_attack_only_images_without_a_success(affine: Affine) -> None:
    images = random_images(30)
    labels = affine.logits(images).argmax(1)
    once = PGD(0.05, 3e-3, 2)(as_classifier(affine), images, labels, seeds=range(30)).success
    assert 0 < once.sum() < 30
    affine.calls.clear()
    PGD(0.05, 3e-3, 2, restarts=2)(as_classifier(affine), images, labels, seeds=range(30))
    assert affine.calls == [30, 30, *[int((~once).sum())] * 2]


def test_an_image_whose_label_is_the_target_fails(affine: Affine) -> None:
    images = random_images(10)
    labels = affine.logits(images).argmax(1)
    target = int(labels[0])
    result = PGD(0.1, 0.05, target=target)(as_classifier(affine), images, labels)
    assert torch.equal(result.success, labels != target)
    assert (affine.logits(result.images).argmax(1) == target).all()


def test_nan_gradients_are_an_error_in_all_variants(affine: Affine) -> None:
    broken = Affine(affine.weight * torch.nan, affine.bias, [])
    for attack in (PGD(), PGD(restarts=2), PGD(early_stop=True), PGD(norm="l2"), FGSM(), FGSM(norm="l2")):
        with pytest.raises(AttackError, match=r"gradients .* are NaN on 3 of 3 images"):
            attack(as_classifier(broken), random_images(3), torch.zeros(3, dtype=torch.int64))


def test_without_seeds_the_default_generator_decides() -> None:
    classifier, images = victim(), random_images(3)
    labels = predicted(classifier, images)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(PGD()(classifier, images, labels).images)
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_the_defaults_equal_the_papers() -> None:
    assert PGD().parameters() == {
        "eps": "8/255",
        "step_size": "2/255",
        "steps": 7,
        "norm": "linf",
        "target": None,
        "random_start": True,
        "restarts": 1,
        "early_stop": False,
    }
    assert FGSM().parameters() == {"eps": "8/255", "norm": "linf", "target": None}
    assert (PGD().name, FGSM().name) == ("pgd", "fgsm")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"eps": 0}, r"given eps = 0\.0\. Allowed: a finite number above 0"),
        ({"eps": -8 / 255}, "given eps = -0.03"),
        ({"eps": math.nan}, "given eps = nan"),
        ({"eps": 8}, r"given eps = 8 for linf.* 8 levels are 8/255"),
        ({"eps": "8/255"}, "given eps = '8/255'.* Use parse_epsilon"),
        ({"eps": math.inf, "norm": "l2"}, "given eps = inf"),
        ({"step_size": 0}, "given step_size = 0"),
        ({"step_size": math.nan}, "given step_size = nan"),
        ({"steps": 0}, r"given steps = 0\. Allowed: an integer of at least 1"),
        ({"steps": 7.0}, r"given steps = 7\.0"),
        ({"steps": True}, "given steps = True"),
        ({"norm": "l1"}, r"given norm 'l1'\. Allowed: linf, l2"),
        ({"target": -1}, r"given target = -1\. Allowed: an integer of at least 0"),
        ({"target": "dog"}, "given target = 'dog'"),
        ({"restarts": 0}, "given restarts = 0"),
        ({"restarts": 2, "random_start": False}, "given restarts = 2 without a random start"),
        ({"random_start": 1}, "given random_start = 1"),
        ({"early_stop": None}, "given early_stop = None"),
    ],
)
def test_bad_parameters_are_refused(parameters: dict[str, Any], expected: str) -> None:
    with pytest.raises(AttackError, match=f"^{expected}"):
        PGD(**parameters)
    if parameters.keys() <= {"eps", "norm", "target"}:
        with pytest.raises(AttackError, match=f"^{expected}"):
            FGSM(**parameters)
