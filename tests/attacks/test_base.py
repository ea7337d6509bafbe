"""Checks of the base class, on attacks that violate its contract."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from victims import CLASSES, SHAPE, predicted, random_images, victim
from vulneuron.attacks import FGSM, PGD, Attack, Ball, FunctionAttack, Goal
from vulneuron.attacks.ball import make_ball
from vulneuron.attacks.base import Parameter, loss_gradient
from vulneuron.errors import AttackError
from vulneuron.network import Classifier


@dataclass(frozen=True)
class Stub(Attack):
    """Applies a function, and claims to stay in a ball if it has a norm."""

    function: Callable[[Tensor], object] = Tensor.clone
    target: int | None = None
    norm: str | None = None
    eps: float = 0.1

    @property
    def name(self) -> str:
        return "stub"

    @property
    def ball(self) -> Ball | None:
        return None if self.norm is None else make_ball(self.norm, self.eps)

    def parameters(self) -> dict[str, Parameter]:
        return {}

    def perturb(self, classifier: Classifier, images: Tensor, goal: Goal, seeds: Sequence[int]) -> Tensor:
        return self.function(images)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return victim()


@pytest.fixture
def images() -> Tensor:
    return random_images(6)


LABELS = torch.tensor([0, 1, 2, 3, 0, 1])


def test_the_result_holds_the_images_of_the_attack(classifier: Classifier, images: Tensor) -> None:
    result = Stub(lambda x: 1 - x)(classifier, images, LABELS)
    torch.testing.assert_close(result.images, 1 - images)
    assert result.images.dtype == torch.float32
    assert not result.images.requires_grad
    assert result.success.dtype == torch.bool
    assert torch.equal(result.success, predicted(classifier, 1 - images) != LABELS)


def test_the_benign_images_are_not_modified(classifier: Classifier, images: Tensor) -> None:
    before = images.clone()
    Stub(lambda x: x.fill_(0.5))(classifier, images, LABELS)
    assert torch.equal(images, before)


def test_targeted_success_requires_the_target_and_another_label(
    classifier: Classifier, images: Tensor
) -> None:
    target = int(predicted(classifier, images)[0])
    success = Stub(target=target)(classifier, images, LABELS).success
    assert torch.equal(success, (predicted(classifier, images) == target) & (target != LABELS))
    labels = torch.full_like(LABELS, target)
    assert not Stub(target=target)(classifier, images, labels).success.any()


def test_an_empty_batch_is_accepted(classifier: Classifier) -> None:
    result = Stub(lambda _: pytest.fail("called"))(
        classifier, torch.zeros(0, *SHAPE), torch.zeros(0, dtype=torch.int64)
    )
    assert result.images.shape == (0, *SHAPE)
    assert result.success.shape == (0,)


def test_attacks_work_in_inference_mode_and_without_gradients(classifier: Classifier, images: Tensor) -> None:
    expected = PGD()(classifier, images, LABELS, seeds=range(6)).images
    with torch.inference_mode():
        labels = LABELS.clone()
        assert torch.equal(PGD()(classifier, images.clone(), labels, seeds=range(6)).images, expected)
    with torch.no_grad():
        assert torch.equal(PGD()(classifier, images, LABELS, seeds=range(6)).images, expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_labels_may_be_of_any_integer_type(
    classifier: Classifier, images: Tensor, dtype: torch.dtype
) -> None:
    expected = PGD()(classifier, images, LABELS, seeds=range(6)).images
    assert torch.equal(PGD()(classifier, images, LABELS.to(dtype), seeds=range(6)).images, expected)


@pytest.mark.parametrize(
    "convert", [list, tuple, np.array, lambda labels: [np.int64(label) for label in labels]]
)
def test_labels_may_be_lists_and_arrays(
    classifier: Classifier, images: Tensor, convert: Callable[[list[int]], list[int]]
) -> None:
    expected = PGD()(classifier, images, LABELS, seeds=range(6))
    result = PGD()(classifier, images, convert(LABELS.tolist()), seeds=range(6))
    assert torch.equal(result.images, expected.images)
    assert torch.equal(result.success, expected.success)
    assert Stub()(classifier, torch.zeros(0, *SHAPE), []).success.shape == (0,)


def test_adversarial_images_runs_no_prediction(images: Tensor) -> None:
    classifier = victim()
    classifier.module.register_forward_pre_hook(lambda *_: pytest.fail("predicted"))
    adversarial = Stub(lambda x: x - 1e-7).adversarial_images(classifier, images, LABELS)
    torch.testing.assert_close(adversarial, images, rtol=0, atol=2e-7)
    assert adversarial.min() >= 0
    with pytest.raises(AttackError, match="given label 4"):
        Stub().adversarial_images(classifier, images, LABELS + 1)


@pytest.mark.parametrize("make", [np.int64, np.uint8, torch.tensor])
def test_numpy_and_torch_integers_become_python_integers(make: Callable[[int], int]) -> None:
    attack = PGD(steps=make(3), restarts=make(2)).aimed_at(make(1))
    assert attack == PGD(steps=3, restarts=2, target=1)
    assert json.loads(json.dumps(attack.parameters())) == attack.parameters()
    assert FGSM(target=make(0)).parameters()["target"] == 0


@pytest.mark.parametrize("value", [1.0, np.float32(1), True, np.True_, "1", torch.tensor([1, 2])])
def test_non_integers_are_refused(value: int) -> None:
    with pytest.raises(AttackError, match=r"given steps = .*an integer of at least 1"):
        PGD(steps=value)
    with pytest.raises(AttackError, match=r"given target = .*an integer of at least 0"):
        PGD(target=value)


def test_labels_may_be_read_only(classifier: Classifier, images: Tensor) -> None:
    labels = LABELS.numpy().copy()
    labels.flags.writeable = False
    assert torch.equal(Stub()(classifier, images, labels).success, predicted(classifier, images) != LABELS)


def nan(images: Tensor) -> Tensor:
    images[0, 0, 0, 0] = torch.nan
    return images


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (nan, "returned 1 pixels that are NaN or infinite"),
        (lambda x: x + torch.inf, "returned 1152 pixels that are NaN or infinite"),
        (lambda x: x + 1.5, r"returned pixels from 1\.5 to 2\.5"),
        (lambda x: x - 1.1e-6, r"returned pixels from -1\.1e-06 to"),
        (
            lambda x: x[:-1],
            r"returned torch\.float32 \(5, 3, 8, 8\) for images of torch\.float32 \(6, 3, 8, 8\)",
        ),
        (lambda x: x.flatten(1), r"returned torch\.float32 \(6, 192\)"),
        (lambda x: (x * 255).byte(), r"returned torch\.uint8 \(6, 3, 8, 8\)"),
        (lambda x: [x], "returned list"),
        (lambda _: None, "returned NoneType"),
    ],
)
def test_invalid_results_are_described_in_one_line(
    classifier: Classifier, images: Tensor, function: Callable[[Tensor], object], expected: str
) -> None:
    with pytest.raises(AttackError, match=f"^attack stub {expected}") as caught:
        Stub(function)(classifier, images, LABELS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("excess", [0.9e-6, -0.9e-6])
def test_rounding_out_of_the_range_is_clipped(classifier: Classifier, images: Tensor, excess: float) -> None:
    result = Stub(lambda x: x + excess)(classifier, images, LABELS).images
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_rounding_out_of_the_ball_is_projected_back(
    classifier: Classifier, images: Tensor, norm: str
) -> None:
    images = images * 0.8 + 0.1
    direction = torch.sign(images - 0.5)
    step = 0.1 if norm == "linf" else 0.1 / np.sqrt(3 * 8 * 8)

    def beyond(x: Tensor) -> Tensor:
        return x - direction * (step + 5e-7)

    result = Stub(beyond, norm=norm)(classifier, images, LABELS).images
    change = result.numpy().astype(np.float64) - images.numpy().astype(np.float64)
    for perturbation in change:
        assert np.linalg.norm(perturbation.ravel(), np.inf if norm == "linf" else 2) <= 0.1


@pytest.mark.parametrize(("norm", "distance"), [("linf", "0.10001"), ("l2", "0.138564")])
def test_results_far_out_of_the_ball_are_refused(
    classifier: Classifier, images: Tensor, norm: str, distance: str
) -> None:
    images = images * 0.5
    step = 0.10001 if norm == "linf" else 0.01
    expected = f"returned an image at a {norm} distance of {distance}.*at most eps = 0.1"
    with pytest.raises(AttackError, match=expected):
        Stub(lambda x: x + step, norm=norm)(classifier, images, LABELS)


def test_the_ball_is_centered_on_the_benign_images(classifier: Classifier, images: Tensor) -> None:
    with pytest.raises(AttackError, match=r"at a linf distance of 0\.5"):
        Stub(lambda x: x.fill_(0.5), norm="linf")(classifier, images, LABELS)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (torch.rand(6, 3, 8, 8) - 0.5, "given images with pixels from -0"),
        (torch.rand(6, 3, 8, 8) * 255, "given images with pixels from .* divide by 255"),
        (torch.full((6, 3, 8, 8), torch.nan), "given images with pixels from nan to nan"),
        (torch.rand(3, 8, 8), r"given images as torch\.float32 \(3, 8, 8\)"),
        (torch.rand(6, 3, 8, 8).double(), r"given images as torch\.float64"),
        (torch.zeros(6, 3, 8, 8, dtype=torch.uint8), r"given images as torch\.uint8"),
        (np.zeros((6, 3, 8, 8), np.float32), "given images as ndarray"),
    ],
)
def test_bad_images_are_refused(classifier: Classifier, bad: Tensor, expected: str) -> None:
    with pytest.raises(AttackError, match=f"^{expected}"):
        Stub()(classifier, bad, LABELS)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (LABELS + 1, "given label 4"),
        (LABELS - 1, "given label -1"),
        (LABELS[:5], r"given labels as torch\.int64 \(5,\)"),
        (LABELS.float(), r"given labels as torch\.float32"),
        (LABELS > 0, r"given labels as torch\.bool"),
        (torch.eye(6, 4, dtype=torch.int64), r"given labels as torch\.int64 \(6, 4\)"),
        ([0, 1, 2, 3, 0], r"given labels as torch\.int64 \(5,\)"),
        ([0.5, 1, 2, 3, 0, 1], r"given labels as torch\.float64"),
        ([[0], [1, 2], [3], [0], [1], [2]], "given labels as list"),
        (["a"] * 6, "given labels as list"),
        (np.array([None] * 6), "given labels as ndarray"),
        (3, "given labels as int"),
        (None, "given labels as NoneType"),
    ],
)
def test_bad_labels_are_refused(classifier: Classifier, images: Tensor, bad: Tensor, expected: str) -> None:
    with pytest.raises(AttackError, match=f"^{expected}.*one integer from 0 to 3 for each of the 6 images"):
        Stub()(classifier, images, bad)


@pytest.mark.parametrize("seeds", [range(5), range(7), [-1, 0, 0, 0, 0, 0], [2**63, 0, 0, 0, 0, 0]])
def test_bad_seeds_are_refused(classifier: Classifier, images: Tensor, seeds: Sequence[int]) -> None:
    with pytest.raises(AttackError, match=r"given [567] seeds from .* for 6 images"):
        Stub()(classifier, images, LABELS, seeds=seeds)


def test_a_target_must_be_a_class(classifier: Classifier, images: Tensor) -> None:
    with pytest.raises(AttackError, match=r"given target 4 for a model with 4 classes\. Allowed: 0 to 3"):
        Stub(target=CLASSES)(classifier, images, LABELS)


def test_aimed_at_sets_the_target() -> None:
    assert PGD(steps=3).aimed_at(2) == PGD(steps=3, target=2)
    with pytest.raises(AttackError, match="given target 2 for the attack mine"):
        FunctionAttack(lambda classifier, images, labels: images, label="mine").aimed_at(2)
    with pytest.raises(AttackError, match="given target = -1"):
        PGD().aimed_at(-1)


@pytest.mark.parametrize("target", [None, 2])
def test_gradients_and_losses_equal_finite_differences(classifier: Classifier, target: int | None) -> None:
    images = random_images(2) * 0.5 + 0.25
    goal = Goal(LABELS[:2], target)
    gradient, logits = loss_gradient(classifier, images, goal)
    torch.testing.assert_close(logits, classifier.logits(images))
    probabilities = torch.softmax(logits.double(), dim=1)
    row = torch.arange(2)
    expected = (
        -torch.log(probabilities[row, LABELS[:2]]) if target is None else torch.log(probabilities[:, target])
    )
    torch.testing.assert_close(goal.loss(logits).double(), expected, rtol=1e-4, atol=1e-6)
    direction = torch.randn(images.shape)
    difference = goal.loss(classifier.logits(images + 1e-3 * direction)) - goal.loss(
        classifier.logits(images - 1e-3 * direction)
    )
    torch.testing.assert_close(
        (gradient * direction).flatten(1).sum(1), difference / 2e-3, rtol=2e-2, atol=2e-2
    )
