"""Projection, sampling and steepest steps, compared with slow rewrites in float64."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from victims import random_images
from vulneuron.attacks.ball import Ball, L2Ball, LinfBall, make_ball
from vulneuron.errors import AttackError

EPSILONS = [1e-45, 1e-8, 1 / 255, 8 / 255, 0.1, 0.3, 1.0]


def exact_distances(adversarial: Tensor, images: Tensor, norm: str) -> list[float]:
    """Norms with the exact sum of the squares of each image."""
    change = adversarial.numpy().astype(np.float64) - images.numpy().astype(np.float64)
    if norm == "linf":
        return [float(np.abs(perturbation).max()) for perturbation in change]
    return [math.sqrt(math.fsum((perturbation.ravel() ** 2).tolist())) for perturbation in change]


def moved(images: Tensor, size: float) -> Tensor:
    return images + size * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", EPSILONS)
@pytest.mark.parametrize("size", [1e-8, 0.03, 1.0, 1e30])
@pytest.mark.parametrize("contrast", [0.2, 1.4])
def test_projection_is_exactly_inside(norm: str, eps: float, size: float, contrast: float) -> None:
    images = random_images(20, contrast=contrast)
    inside = make_ball(norm, eps).project(moved(images, size), images)
    assert inside.dtype == torch.float32
    assert inside.min() >= 0
    assert inside.max() <= 1
    assert max(exact_distances(inside, images, norm)) <= eps


@pytest.mark.parametrize("eps", [8 / 255, 0.1])
def test_linf_projection_is_the_nearest_point(eps: float) -> None:
    images = random_images(20)
    outside = moved(images, 0.2)
    exact = images.numpy().astype(np.float64)
    expected = np.clip(np.clip(outside.numpy(), exact - eps, exact + eps), 0, 1)
    np.testing.assert_allclose(LinfBall(eps).project(outside, images).numpy(), expected, rtol=0, atol=6e-8)


@pytest.mark.parametrize("eps", [0.1, 2.0])
def test_l2_projection_shortens_the_perturbation(eps: float) -> None:
    images = random_images(20)
    outside = moved(images, 0.1)
    expected = np.empty(images.shape)
    for row, (x, y) in enumerate(zip(images.double().numpy(), outside.double().numpy(), strict=True)):
        length = np.linalg.norm((y - x).ravel())
        expected[row] = np.clip(x + (y - x) * min(1.0, eps / length), 0, 1)
    np.testing.assert_allclose(L2Ball(eps).project(outside, images).numpy(), expected, rtol=0, atol=1.2e-7)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", [1e-8, 8 / 255, 1.0])
def test_points_inside_are_unchanged_bit_for_bit(norm: str, eps: float) -> None:
    images, ball = random_images(20), make_ball(norm, eps)
    once = ball.project(moved(images, 0.3), images)
    assert torch.equal(ball.project(once, images), once)
    assert torch.equal(ball.project(images, images), images)


def test_projection_reaches_the_boundary() -> None:
    images = torch.full((1, 3, 8, 8), 0.5)
    for norm, eps in (("linf", 0.1), ("l2", 1.0)):
        (distance,) = exact_distances(make_ball(norm, eps).project(images + 0.4, images), images, norm)
        assert eps * (1 - 1e-6) < distance <= eps


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_nan_is_propagated(norm: str) -> None:
    images = random_images(2)
    broken = images.clone()
    broken[1, 0, 0, 0] = torch.nan
    assert make_ball(norm, 0.1).project(broken, images)[1].isnan().any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_distance_is_measured_in_float64(norm: str) -> None:
    images = random_images(5)
    adversarial = moved(images, 0.05)
    distance = make_ball(norm, 0.1).distance(adversarial, images)
    assert distance.dtype == torch.float64
    np.testing.assert_allclose(distance, exact_distances(adversarial, images, norm), rtol=1e-14)


def test_tolerance_allows_an_error_of_1e_6_per_pixel() -> None:
    images = random_images(2)
    assert LinfBall(0.1).tolerance(images) == pytest.approx(1e-6)
    assert L2Ball(0.1).tolerance(images) == pytest.approx(1e-6 * math.sqrt(3 * 8 * 8))


def test_steepest_steps_have_norm_one_along_the_gradient() -> None:
    gradients = torch.randn(4, 3, 8, 8)
    gradients[3] = 0
    assert torch.equal(LinfBall(0.1).steepest(gradients), torch.sign(gradients))
    steps = L2Ball(0.1).steepest(gradients)
    for gradient, step in zip(gradients[:3], steps[:3], strict=True):
        np.testing.assert_allclose(step, gradient / np.linalg.norm(gradient.numpy().ravel()), rtol=1e-5)
    assert torch.equal(steps[3], torch.zeros(3, 8, 8))


def test_gradients_with_underflowing_squares_have_a_direction() -> None:
    gradients = torch.full((1, 3, 8, 8), 1e-40)
    assert L2Ball(0.1).steepest(gradients).norm().item() == pytest.approx(1, abs=1e-5)


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_random_points_are_uniform_in_the_cube() -> None:
    images = torch.full((50, 3, 8, 8), 0.5)
    noise = (LinfBall(0.1).random_points(images, generators(50)) - images).flatten().sort().values
    # Kolmogorov-Smirnov: the largest distance between the two distribution functions.
    expected = torch.linspace(-0.1, 0.1, len(noise))
    assert (noise - expected).abs().max() / 0.2 < 1.63 / math.sqrt(len(noise))


def test_random_points_are_uniform_in_the_l2_ball() -> None:
    images = torch.full((400, 1, 1, 2), 0.5)
    noise = L2Ball(0.1).random_points(images, generators(400)).flatten(1) - 0.5
    # In a disc, the squared radius is uniform, and so is the angle.
    squared = (noise.norm(dim=1) / 0.1).square().sort().values
    angles = (torch.atan2(noise[:, 0], noise[:, 1]) / (2 * math.pi) + 0.5).sort().values
    for values in (squared, angles):
        assert (values - torch.linspace(0, 1, 400)).abs().max() < 1.63 / math.sqrt(400)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_points_come_from_each_images_own_generator(norm: str) -> None:
    images, ball = random_images(6), make_ball(norm, 0.2)
    together = ball.random_points(images, generators(6))
    alone = ball.random_points(images[4:5], generators(6)[4:5])
    assert torch.equal(together[4:5], alone)
    assert max(exact_distances(together, images, norm)) <= 0.2


@pytest.mark.parametrize("eps", [0, -0.1, math.nan, math.inf, True, "8/255", None])
@pytest.mark.parametrize("ball", [LinfBall, L2Ball])
def test_bad_radii_are_refused(ball: type[Ball], eps: float) -> None:
    with pytest.raises(AttackError, match=r"^given eps = "):
        ball(eps)


def test_radii_above_one_are_valid_for_l2_only() -> None:
    assert L2Ball(3.0).eps == 3
    with pytest.raises(AttackError, match=r"given eps = 8 for linf.* 8 levels are 8/255"):
        LinfBall(8.0)


def test_unknown_norms_are_refused() -> None:
    with pytest.raises(AttackError, match=r"given norm 'l1'\. Allowed: linf, l2"):
        make_ball("l1", 0.1)
