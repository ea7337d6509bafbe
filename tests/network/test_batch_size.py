"""Search for the batch size, with simulated times."""

import pytest
import torch

from nets import INPUT_SHAPE, NETS
from vulneuron.errors import RunError
from vulneuron.network import Classifier
from vulneuron.network.batch_size import BatchSize, most_images


def test_each_size_is_tried_twice_and_the_fastest_is_kept() -> None:
    sizes, tried = BatchSize(64, least=8), []
    for _ in range(8):
        tried.append(sizes.size(1000))
        # 32 take least for an image; the first time of each is slow.
        slow = 10 if tried.count(tried[-1]) == 1 else 1
        sizes.record_time(tried[-1], slow * (1 + abs(tried[-1] - 32)))
    assert tried == [8, 8, 16, 16, 32, 32, 64, 64]
    assert sizes.size(1000) == 32


def test_what_is_left_is_no_hindrance() -> None:
    """A size that cannot be filled is tried another time, and the best of the others taken until then."""
    sizes = BatchSize(8)
    assert sizes.size(3) == 3
    sizes.record_time(3, 0.0)
    for left in (100, 7):
        assert sizes.size(left) == 4
        sizes.record_time(4, 1.0)
    assert sizes.size(7) == 4
    for _ in range(2):
        assert sizes.size(100) == 8
        sizes.record_time(8, 0.5)
    assert (sizes.size(100), sizes.size(7)) == (8, 7)


def test_a_memory_for_few_images_gives_a_small_size() -> None:
    assert BatchSize(3).size(100) == 3
    assert BatchSize(10, least=16).size(100) == 10
    assert BatchSize(0).size(100) == 1
    classifier = Classifier(NETS["average pooled"][0](), input_shape=INPUT_SHAPE, device="cpu")
    # The largest maps: 6 channels of 8 x 8, or 5 of 16 x 16.
    assert most_images(classifier, 5 * 256 * 3 * 4 * 7) == 7
    assert most_images(classifier, 1) == 1


def test_a_batch_that_does_not_fit_is_halved() -> None:
    sizes = BatchSize(64)
    sizes.halve(64, torch.OutOfMemoryError("CUDA out of memory"))
    assert sizes.most == 32
    assert {sizes.size(left) for left in (100, 33) for _ in range(3)} == {4}
    for size in (4, 8, 16, 32):
        for _ in range(2):
            assert sizes.size(100) == size
            sizes.record_time(size, 1 / size)
    assert sizes.size(100) == 32
    sizes.halve(32, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert sizes.size(100) == 16


def test_an_image_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RunError, match="one image does not fit into memory"):
        BatchSize(8).halve(1, MemoryError())


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        BatchSize(8).halve(4, RuntimeError("shapes cannot be multiplied"))
