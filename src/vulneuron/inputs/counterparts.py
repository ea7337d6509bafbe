"""Checks that precomputed adversarial images belong to the benign images, in the same order."""

import numpy as np

from vulneuron.errors import ImagesError
from vulneuron.inputs.adversarials import Adversarials
from vulneuron.inputs.image_source import Images

_SAMPLES = 64
# Of 8-bit images that were truncated, not rounded.
_STEP = 1.01 / 255


def check_counterparts(images: Images, adversarials: Adversarials) -> None:
    """Check that adversarial images are those of the benign ones, by labels, budget and distance.

    Labels saved with the adversarial images must be those of the benign images. Up to 64 pairs are loaded:
    none may differ by more than the budget of the attack, if the file states it, and most adversarial images
    must be closer (L2) to their own benign image than to any other one. Constant images, which some attacks
    return when they fail, are not compared.

    Raises
    ------
    ImagesError
        They belong to other images.
    """
    _check_labels(images, adversarials)
    spread = np.unique(np.linspace(0, len(images) - 1, min(len(images), _SAMPLES)).astype(int))
    faults = {**images.faults(spread), **adversarials.faults(spread)}
    positions = np.array([place for place in spread.tolist() if place not in faults], dtype=np.int64)
    if not len(positions):
        return
    benign = images.load(positions).reshape(len(positions), -1)
    adversarial = adversarials.load(positions).reshape(len(positions), -1)
    varied = np.ptp(adversarial, axis=1) > 0
    _check_budget(images, adversarials, positions[varied], (benign - adversarial)[varied])
    _check_distances(images, adversarials, positions, benign, adversarial, varied)


def _check_labels(images: Images, adversarials: Adversarials) -> None:
    saved = adversarials.labels
    if saved is None or images.labels is None:
        return
    # A loader gives the labels of the data set, which may be numbered in another way than the outputs.
    own = images.source.own_labels.values
    if np.array_equal(saved, images.labels) or (own is not None and np.array_equal(saved, own)):
        return
    wrong = np.flatnonzero(saved != images.labels)
    raise _error(
        adversarials,
        f"were saved with labels that differ from those of the images for {len(wrong):,} of {len(saved):,}, "
        f"the first being {images.ids[wrong[0]]!r}: {saved[wrong[0]]}, not {images.labels[wrong[0]]}",
    )


def _check_budget(
    images: Images, adversarials: Adversarials, positions: np.ndarray, change: np.ndarray
) -> None:
    budget = adversarials.budget
    if budget is None or not len(change):
        return
    # No norm is smaller than L-inf, so this holds for budgets in any norm.
    largest = np.abs(change).max(axis=1)
    beyond = np.flatnonzero(largest > budget + _STEP)
    if len(beyond):
        first = beyond[0]
        raise _error(
            adversarials,
            f"have a budget of {budget:.4g}, but exceed it for {len(beyond)} of {len(positions)} compared "
            f"images, the first being {images.ids[positions[first]]!r}: L-inf {largest[first]:.2g}",
        )


def _check_distances(
    images: Images,
    adversarials: Adversarials,
    positions: np.ndarray,
    benign: np.ndarray,
    adversarial: np.ndarray,
    varied: np.ndarray,
) -> None:
    squares = (benign**2).sum(1)[None] - 2 * adversarial @ benign.T + (adversarial**2).sum(1)[:, None]
    own = ((benign - adversarial) ** 2).sum(1)
    # An equal image is as close; float32 is exact to about 1e-6 of the squared norms.
    others_closer = (squares < own[:, None] * 0.99 - 1e-5 * (benign**2).sum(1).max()).any(axis=1) & varied
    if 2 * others_closer.sum() > max(varied.sum(), 1):
        first = positions[np.flatnonzero(others_closer)[0]]
        raise _error(
            adversarials,
            f"are closer to another benign image than to their own for {others_closer.sum()} of "
            f"{varied.sum()} that were compared, the first being {images.ids[first]!r}",
        )


def _error(adversarials: Adversarials, problem: str) -> ImagesError:
    return ImagesError(
        f"given adversarial images ({adversarials.spec}) that {problem}",
        allowed="the adversarial images of the benign ones, in the same order",
        fix="save them again from a loader without shuffling, over the same images",
    )
