"""Comparison of incremental logits with those of the network: on probes, and on each pair of images."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines.dense import substituted
from vulneuron.engines.incremental.forward import PatchedForward
from vulneuron.engines.incremental.geometry import PatchBatch
from vulneuron.network import Classifier
from vulneuron.network.devices import out_of_memory
from vulneuron.network.probes import probe_images

Ints = npt.NDArray[np.int64]
_SEED = 3
#: Probes are compared on a square grid of patches with this many rows.
_GRID_ROWS = 4
#: Allowed error of a logit on probes, relative to the largest change and to the largest logit. Errors
#: from the order of summation are smaller.
_CHANGE_TOLERANCE, _LOGIT_TOLERANCE = 1e-3, 1e-5
#: Allowed error of a probability on images, as documented in `Incremental`, and number of patches compared.
_PROBABILITY_TOLERANCE, _PAIR_PATCHES = 1e-5, 4


def probe_pair(classifier: Classifier) -> tuple[Tensor, Tensor]:
    """Two images ``(channel, y, x)`` with few equal pixels: smooth blobs, and flat colors."""
    _, soft, flat = probe_images(classifier.input_shape, _SEED)
    return soft, flat


def agrees_on_probes(classifier: Classifier, forward: PatchedForward, batch_size: int) -> bool:
    """Whether logits agree for a grid of patches that covers a probe, including its corners."""
    rows, columns = (
        np.linspace(0, length - 1, _GRID_ROWS).astype(np.int64) for length in classifier.input_shape[1:]
    )
    centers = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    logits = _region_logits(forward, centers, batch_size)
    if logits is None:
        return False
    expected, before = _network_logits(classifier, forward, centers, batch_size)
    allowed = _CHANGE_TOLERANCE * (expected - before).abs().max() + _LOGIT_TOLERANCE * expected.abs().max()
    # The comparison is False for NaN.
    return bool((logits - expected).abs().max() <= allowed)


def agrees_on_pair(classifier: Classifier, forward: PatchedForward, positions: Ints) -> bool:
    """Whether probabilities agree for a few of these patches."""
    compared = np.linspace(0, len(positions) - 1, min(_PAIR_PATCHES, len(positions))).astype(np.int64)
    if not len(compared):
        return True
    logits = _region_logits(forward, positions[compared], batch_size=1)
    if logits is None:
        return False
    expected, _ = _network_logits(classifier, forward, positions[compared], batch_size=1)
    return bool((logits.softmax(1) - expected.softmax(1)).abs().max() <= _PROBABILITY_TOLERANCE)


def _region_logits(forward: PatchedForward, centers: Ints, batch_size: int) -> Tensor | None:
    """Incremental logits ``(n, class)``; None if a step raises an error."""
    batches = np.array_split(centers, -(-len(centers) // batch_size))
    try:
        logits = [forward.logits(PatchBatch(forward.spans, batch, forward.device)) for batch in batches]
    # The modules of a network may not accept feature maps of a region's size.
    except (RuntimeError, TypeError, ValueError, LookupError, AssertionError) as error:
        if out_of_memory(error):
            raise
        return None
    return torch.cat(logits).cpu()


def _network_logits(
    classifier: Classifier, forward: PatchedForward, centers: Ints, batch_size: int
) -> tuple[Tensor, Tensor]:
    """The network's own logits: ``(n, class)`` of substituted images, ``(1, class)`` of the benign one."""
    batches = (
        substituted(forward.benign, forward.adversarial, batch, patch=forward.spans.patch)
        for batch in torch.from_numpy(centers).to(forward.device).split(batch_size)
    )
    logits = torch.cat([classifier.logits(images) for images in batches])
    return logits.cpu(), classifier.logits(forward.benign[None]).cpu()
