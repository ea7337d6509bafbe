"""Discrepancy maps: receptive fields estimated by occlusion, the dear way (paper, Section 3.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines import Cancel, Progress, Watch, substituted
from vulneuron.maps.checks import Image, checked_image, checked_neurons
from vulneuron.maps.grid import PatchGrid
from vulneuron.measures.choices import check_choice, check_whole
from vulneuron.network import Classifier

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Occluder = Literal["noise", "gray"]
OCCLUDERS: tuple[Occluder, ...] = get_args(Occluder)
_GRAY = 0.5


@dataclass(frozen=True, eq=False)
class DiscrepancyMaps:
    """How much neurons' activations change when the patch around a pixel is occluded.

    Attributes
    ----------
    values
        ``(neuron, ceil(y / stride), ceil(x / stride))``, float32 >= 0, in the unit of the activations.
    neurons
        ``(neuron,)``, the channels of the target layer, in the order of `values`.
    patch
        Side of the occluder in pixels.
    stride
        Pixels from one center to the next.
    occluder
        What the patch was filled with.
    seed
        Of the noise.
    """

    values: Floats
    neurons: Ints
    patch: int
    stride: int
    occluder: Occluder
    seed: int


def discrepancy_maps(
    classifier: Classifier,
    image: Image,
    neurons: Sequence[int] | npt.NDArray[np.integer] | None = None,
    *,
    patch: int | None = None,
    stride: int = 1,
    occluder: Occluder = "noise",
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> DiscrepancyMaps:
    r"""Slide an occluder over an image and record by how much activations change, for many neurons at once.

    With :math:`\tilde x_{ij}` the image whose patch around pixel (i, j) is occluded and :math:`a_k` the
    activation of neuron k: :math:`D_{k,ij} = |a_k(\tilde x_{ij}) - a_k(x)|`. It is large where the
    neuron looks at. The patch is placed as in `vulnerability_maps`. One pass of the network a patch serves
    all neurons.

    Parameters
    ----------
    classifier
        The network.
    image
        ``(channel, y, x)``, floats in [0, 1].
    neurons
        Channels of the target layer; all if None.
    patch
        Even side of the occluder in pixels; 1/8 of the image's shorter side and at least 4 if None.
    stride
        Pixels from one center to the next.
    occluder
        "noise": independent uniform numbers in [0, 1], those of one noise image of the image's size, so that
        a pixel is occluded by the same value in every patch; or "gray": 0.5.
    seed
        Same seed, same noise.
    batch_size
        Images that go through the network at once.
    progress
        Called after every batch with the number of patches done and of all.
    cancelled
        Asked before every batch whether to stop.

    Raises
    ------
    MeasureError
        If the image, a neuron, `patch`, `stride`, `occluder` or `batch_size` does not fit.
    Cancelled
        Within one batch after `cancelled` says so.

    References
    ----------
    Zhou, Khosla, Lapedriza, Oliva and Torralba, "Object detectors emerge in deep scene CNNs", ICLR 2015,
    Section 3.2 (occluders of 11 x 11 pixels, stride 3, on 224 x 224; reference 39 of the paper).
    """
    x = checked_image(image, "given", classifier)
    chosen = checked_neurons(neurons, classifier)
    check_whole(batch_size, "batch_size")
    check_choice(occluder, "occluder", OCCLUDERS)
    size = (x.shape[1], x.shape[2])
    grid = PatchGrid.for_image(size, patch, stride)
    occluding = _occluding(occluder, x, seed)

    batches = _activations(classifier, x, occluding, torch.from_numpy(grid.centers()), grid.patch, batch_size)
    rows, columns = grid.shape
    before = classifier.activity(x[None]).activations.cpu()[:, chosen]
    changes = [
        (activations.cpu()[:, chosen] - before).abs()
        for activations in Watch(progress, cancelled).over(batches, rows * columns)
    ]
    values = torch.cat(changes).T.reshape(len(chosen), rows, columns).numpy()
    return DiscrepancyMaps(values, chosen.numpy(), int(grid.patch), int(grid.stride), occluder, seed)


def _activations(
    classifier: Classifier, image: Tensor, occluding: Tensor, centers: Tensor, patch: int, batch_size: int
) -> Iterator[Tensor]:
    image, occluding, centers = (it.to(classifier.device) for it in (image, occluding, centers))
    for chosen in centers.split(batch_size):
        yield classifier.activity(substituted(image, occluding, chosen, patch=patch)).activations


def _occluding(occluder: Occluder, image: Tensor, seed: int) -> Tensor:
    if occluder == "gray":
        return torch.full_like(image, _GRAY)
    # Drawn on the CPU, as other devices draw other numbers from the same seed.
    return torch.rand(image.shape, generator=torch.Generator().manual_seed(seed)).to(image)
