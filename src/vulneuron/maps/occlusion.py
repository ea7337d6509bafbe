"""Discrepancy maps: receptive fields estimated by occlusion, accurately but slowly (paper, Section 3.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.engines import UNWATCHED, Watch, substituted
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.image_pair import Image, check_index, checked_image
from vulneuron.measures.choices import check_choice, check_whole
from vulneuron.network import Classifier
from vulneuron.network.batch_size import in_batches

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Occluder = Literal["noise", "gray"]
OCCLUDERS: tuple[Occluder, ...] = get_args(Occluder)
_GRAY = 0.5


@dataclass(frozen=True, eq=False)
class DiscrepancyMaps:
    """Changes of neurons' activations when the patch around a pixel is occluded.

    Attributes
    ----------
    values
        ``(neuron, ceil(y / stride), ceil(x / stride))``, float32 >= 0, in the unit of the activations.
    neurons
        ``(neuron,)``, channels of the target layer, in the order of `values`.
    patch
        Side of the occluder in pixels.
    stride
        Pixels from one center to the next.
    occluder
        Content of the patch.
    seed
        Seed of the noise.
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
    watch: Watch = UNWATCHED,
) -> DiscrepancyMaps:
    r"""Slide an occluder over an image and record how much activations change, for many neurons at once.

    With :math:`\tilde x_{ij}` the image whose patch around pixel (i, j) is occluded and :math:`a_k` the
    activation of neuron k: :math:`D_{k,ij} = |a_k(\tilde x_{ij}) - a_k(x)|`. It is large where the neuron
    looks. Patches are placed as in `vulnerability_maps`. One forward pass per patch serves all neurons.

    Parameters
    ----------
    classifier
        The network.
    image
        ``(channel, y, x)``, floats in [0, 1].
    neurons
        Channels of the target layer; all if None.
    patch
        Even side of the occluder in pixels; if None, 1/8 of the image's shorter side and at least 4.
    stride
        Pixels from one center to the next.
    occluder
        "noise": independent uniform numbers in [0, 1], from one noise image of the image's size, so a pixel
        is occluded by the same value in every patch. "gray": 0.5.
    seed
        Seed of the noise.
    batch_size
        Number of images per forward pass.
    watch
        Follows the patches, and cancels.

    Raises
    ------
    MeasureError
        If the image, a neuron, `patch`, `stride`, `occluder` or `batch_size` does not fit.
    Cancelled
        Within one batch after `watch` cancels.

    References
    ----------
    Zhou, Khosla, Lapedriza, Oliva and Torralba, "Object detectors emerge in deep scene CNNs", ICLR 2015,
    Section 3.2 (occluders of 11 x 11 pixels, stride 3, on 224 x 224; reference 39 of the paper).
    """
    pixels = checked_image(image, "occluded", classifier)
    channels = _checked_neurons(neurons, classifier)
    check_whole(batch_size, "batch_size")
    check_choice(occluder, "occluder", OCCLUDERS)
    grid = PatchGrid.for_image((pixels.shape[1], pixels.shape[2]), patch, stride)
    filling = _filling(occluder, pixels, seed)

    batches = _activations(classifier, pixels, filling, grid, batch_size)
    rows, columns = grid.shape
    before = classifier.activity(pixels[None]).activations.cpu()[:, channels]
    changes = [
        (activations.cpu()[:, channels] - before).abs() for activations in watch.over(batches, rows * columns)
    ]
    values = torch.cat(changes).T.reshape(len(channels), rows, columns).numpy()
    return DiscrepancyMaps(values, channels.numpy(), int(grid.patch), int(grid.stride), occluder, seed)


def _checked_neurons(
    neurons: Sequence[int] | npt.NDArray[np.integer] | None, classifier: Classifier
) -> Tensor:
    """Neurons as an int64 tensor; all of them for None."""
    if neurons is None:
        return torch.arange(classifier.neurons)
    for neuron in neurons:
        check_index(neuron, "neuron", classifier.neurons)
    return torch.tensor([int(neuron) for neuron in neurons], dtype=torch.int64)


def _activations(
    classifier: Classifier, image: Tensor, filling: Tensor, grid: PatchGrid, batch_size: int
) -> Iterator[Tensor]:
    image, filling = image.to(classifier.device), filling.to(classifier.device)

    def occluded(centers: Tensor) -> Tensor:
        def batch(part: slice) -> Tensor:
            images = substituted(image, filling, centers[part], patch=grid.patch)
            return classifier.activity(images).activations

        return torch.cat(in_batches(batch, len(centers), batch_size))

    yield from map(occluded, torch.from_numpy(grid.centers()).to(classifier.device).split(batch_size))


def _filling(occluder: Occluder, image: Tensor, seed: int) -> Tensor:
    if occluder == "gray":
        return torch.full_like(image, _GRAY)
    generator = torch.Generator().manual_seed(seed)
    # Drawn on the CPU, as other devices draw other numbers from the same seed.
    return torch.rand(image.shape, generator=generator, dtype=torch.float32).to(image)
