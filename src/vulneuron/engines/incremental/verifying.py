"""Whether regions give what the network itself gives: before they are used, and on each pair of images."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines.dense import substituted
from vulneuron.engines.incremental.forward import Forward
from vulneuron.engines.incremental.geometry import Patches
from vulneuron.network import Classifier
from vulneuron.network.devices import out_of_memory
from vulneuron.network.probes import probe_images

Ints = npt.NDArray[np.int64]
_SEED = 3
#: The square of this many patches is tried on probes.
_SIDE = 4
#: Allowed difference of a logit on probes, as parts of the largest change and of the largest logit: another
#: order of summation explains no more.
_OF_CHANGES, _OF_LOGITS = 1e-3, 1e-5
#: Allowed difference of a probability on images, what `Incremental` promises; and how many patches are tried.
_OF_PROBABILITIES, _TRIED = 1e-5, 4


def probe_pair(classifier: Classifier) -> tuple[Tensor, Tensor]:
    """Two images ``(channel, y, x)`` that hardly have a pixel in common: soft shapes, and full colors."""
    _, soft, flat = probe_images(classifier.input_shape, _SEED)
    return soft, flat


def right_on_probes(classifier: Classifier, forward: Forward, most: int) -> bool:
    """Whether logits are right for patches all over a probe, to its corners; `most` of them go together."""
    rows, columns = (
        np.linspace(0, length - 1, _SIDE).astype(np.int64) for length in classifier.input_shape[1:]
    )
    centers = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    found = _by_regions(forward, centers, most)
    if found is None:
        return False
    expected, before = _expected(classifier, forward, centers, most)
    allowed = _OF_CHANGES * (expected - before).abs().max() + _OF_LOGITS * expected.abs().max()
    # NaN fails the comparison.
    return bool((found - expected).abs().max() <= allowed)


def right_on_pair(classifier: Classifier, forward: Forward, positions: Ints) -> bool:
    """Whether probabilities are right for some of the patches that are to be computed."""
    chosen = np.linspace(0, len(positions) - 1, min(_TRIED, len(positions))).astype(np.int64)
    if not len(chosen):
        return True
    found = _by_regions(forward, positions[chosen], most=1)
    if found is None:
        return False
    expected, _ = _expected(classifier, forward, positions[chosen], most=1)
    return bool((found.softmax(1) - expected.softmax(1)).abs().max() <= _OF_PROBABILITIES)


def _by_regions(forward: Forward, centers: Ints, most: int) -> Tensor | None:
    """Logits ``(n, class)`` with regions as far as they go; None if that fails."""
    parts = np.array_split(centers, -(-len(centers) // most))
    try:
        found = [forward.logits(Patches(forward.spans, part, forward.device)) for part in parts]
    # Foreign code on maps of another size than it has ever seen.
    except (RuntimeError, TypeError, ValueError, LookupError, AssertionError) as failure:
        if out_of_memory(failure):
            raise
        return None
    return torch.cat(found).cpu()


def _expected(classifier: Classifier, forward: Forward, centers: Ints, most: int) -> tuple[Tensor, Tensor]:
    """The network's own logits, ``(n, class)`` of substituted images and ``(1, class)`` of the benign one."""
    images = (
        substituted(forward.benign, forward.adversarial, part, patch=forward.spans.patch)
        for part in torch.from_numpy(centers).to(forward.device).split(most)
    )
    expected = torch.cat([classifier.logits(part) for part in images])
    return expected.cpu(), classifier.logits(forward.benign[None]).cpu()
