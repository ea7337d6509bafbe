"""Batches that fit the memory."""

import pytest
import torch
from torch import nn

from nets import average_pooled
from vulneuron import Classifier
from vulneuron.errors import RunError
from vulneuron.network.batch_size import choose_batch_size, in_batches


def test_batch_size_counts_maps_and_not_weights() -> None:
    body = [nn.Conv2d(3, 4, 3), nn.Softplus(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    slim = nn.Sequential(*body, nn.Linear(4, 3))
    heavy = nn.Sequential(*body, nn.Linear(4, 100_000), nn.Linear(100_000, 3))
    sizes = [
        choose_batch_size(Classifier(net, input_shape=(3, 12, 12), device="cpu"), cpu_budget=2**20)
        for net in (slim, heavy)
    ]
    assert 1 < sizes[0] < 256
    # Autograd keeps the 1.6 MB of weights of the second one, too, but once and not for each image.
    assert sizes[1] == sizes[0]


def test_larger_images_make_smaller_batches() -> None:
    sizes = [
        choose_batch_size(Classifier(average_pooled(), input_shape=(3, side, side)), cpu_budget=2**21)
        for side in (16, 32, 64)
    ]
    assert sizes[0] > sizes[1] > sizes[2] >= 1


@pytest.mark.parametrize("fits", [1, 2, 3, 100])
def test_halving_gives_all_results_in_order(fits: int) -> None:
    def doubled(part: slice) -> torch.Tensor:
        if part.stop - part.start > fits:
            raise torch.OutOfMemoryError("out of memory")
        return torch.arange(part.start, part.stop) * 2

    assert torch.cat(in_batches(doubled, 11, 4)).tolist() == list(range(0, 22, 2))


def test_not_even_one_image_fits() -> None:
    def never(_part: slice) -> None:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(RunError, match="one image does not fit into memory"):
        in_batches(never, 4, 4)


def test_other_errors_pass() -> None:
    def broken(_part: slice) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        in_batches(broken, 4, 4)
