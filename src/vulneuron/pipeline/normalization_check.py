"""Compares the normalization of a run with common ones on some labeled images.

A wrong normalization raises no error, but costs 20 to 60 percentage points of accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import bdtrc
from torch import Tensor

from vulneuron.inputs.loaded_model import IMAGENET_MEAN, IMAGENET_STD
from vulneuron.network import Classifier
from vulneuron.network.batch_size import in_batches
from vulneuron.network.normalization import Normalized

#: Number of labeled images that are compared.
SAMPLE = 64
#: Images after which a normalization that is behind is not tried further.
_FIRST = 16
#: Smallest difference of the accuracies, and largest p of the sign test, of a normalization that is better.
_DIFFERENCE, _P = 0.1, 0.0025

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Normalization:
    """Normalization ``(pixels - mean) / std``, one number per channel or one for all of them."""

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        mean, std = (",".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"{self.name} (mean {mean}, std {std})"

    def same_values(self, other: "Normalization", channels: int) -> bool:
        """Whether two normalizations are the same function."""
        return all(
            np.allclose(np.broadcast_to(own, channels), np.broadcast_to(others, channels), atol=2e-3)
            for own, others in ((self.mean, other.mean), (self.std, other.std))
        )


NONE = Normalization("none", (0.0,), (1.0,))
_ANY_CHANNELS = (
    NONE,
    Normalization("0.5", (0.5,), (0.5,)),
    Normalization("pixels from 0 to 255", (0.0,), (1 / 255,)),
)
#: Common normalizations by the number of channels.
COMMON: dict[int, tuple[Normalization, ...]] = {
    1: (*_ANY_CHANNELS, Normalization("MNIST's", (0.1307,), (0.3081,))),
    3: (
        Normalization("ImageNet's", IMAGENET_MEAN, IMAGENET_STD),
        *_ANY_CHANNELS,
        Normalization("CIFAR's", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ),
}


def normalization_of(classifier: Classifier) -> Normalization:
    """Normalization of a classifier's pixels, named if it is a common one."""
    module = classifier.module
    if not isinstance(module, Normalized):
        return NONE
    mean, std = (tuple(values.flatten().tolist()) for values in (module.mean, module.std))
    channels = classifier.input_shape[0]
    own = Normalization("its own", mean, std)
    names = [one.name for one in COMMON.get(channels, _ANY_CHANNELS) if own.same_values(one, channels)]
    return Normalization(names[0] if names else own.name, mean, std)


def normalization_note(
    classifier: Classifier, pixels: npt.NDArray[np.float32], labels: Ints, batch_size: int
) -> str | None:
    """Describe a common normalization that is clearly better than the classifier's own, if there is one.

    It is clearly better if its accuracy is higher by 10 percentage points, and the one-sided sign test on
    the images that only one of the two classifies correctly has p < 0.0025, which is 0.01 over four
    comparisons.

    Parameters
    ----------
    classifier
        The network of the run.
    pixels, labels
        Some labeled images ``(n, channel, y, x)`` in [0, 1], in random order, and their labels.
    batch_size
        Number of images per batch.
    """
    own, images = normalization_of(classifier), torch.from_numpy(pixels)
    right = _right(classifier, images, labels, batch_size)
    channels, best = len(pixels[0]), (own, right)
    for other in COMMON.get(channels, _ANY_CHANNELS):
        # With few errors, no other normalization can be clearly better.
        if own.same_values(other, channels) or not _clearly_better(np.ones_like(right), right):
            continue
        shifted = _as_if_normalized(images, own, other)
        first = _right(classifier, shifted[:_FIRST], labels[:_FIRST], batch_size)
        if first.sum() < right[:_FIRST].sum():
            continue
        rest = _right(classifier, shifted[_FIRST:], labels[_FIRST:], batch_size)
        others = np.concatenate([first, rest])
        if _clearly_better(others, right) and others.sum() > best[1].sum():
            best = (other, others)
    better, others = best
    if better is own:
        return None
    return (
        f"The normalization may be wrong: of {len(labels)} images, the model classifies {others.mean():.0%} "
        f"correctly with {better}, and {right.mean():.0%} with that of this run, {own}. Check mean and std."
    )


def sample_positions(positions: Ints) -> Ints:
    """Positions of up to 64 images, spread over all of them, so all classes of a sorted source occur."""
    spread = positions[np.unique(np.linspace(0, len(positions) - 1, SAMPLE).astype(np.int64))]
    return np.random.default_rng(0).permutation(spread)


def _as_if_normalized(images: Tensor, own: Normalization, other: Normalization) -> Tensor:
    """Images that the classifier's own normalization maps to what the other one maps the pixels to."""

    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1)

    return (images - column(other.mean)) / column(other.std) * column(own.std) + column(own.mean)


def _right(classifier: Classifier, images: Tensor, labels: Ints, batch_size: int) -> npt.NDArray[np.bool_]:
    if not len(images):
        return np.zeros(0, np.bool_)
    predicted = in_batches(
        lambda rows: classifier.logits(images[rows]).argmax(1).cpu(), len(images), batch_size
    )
    return np.asarray(torch.cat(predicted).numpy() == labels)


def _clearly_better(others: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> bool:
    wins, losses = int((others & ~right).sum()), int((right & ~others).sum())
    # The probability of at least so many wins; `scipy.stats` takes most of a second to import.
    p = float(bdtrc(wins - 1, wins + losses, 0.5))
    return (wins - losses) / len(right) >= _DIFFERENCE and p < _P
