"""Which batch size is found, with made-up times."""

from nets import INPUT_SHAPE, NETS
from vulneuron.network import Classifier
from vulneuron.substitution.batch_size import BatchSize, most_images


def test_each_size_is_tried_twice_and_the_fastest_is_kept() -> None:
    sizes, tried = BatchSize(64), []
    for _ in range(8):
        tried.append(sizes.size)
        # 32 take least for an image; the first time of each is slow.
        slow = 10 if tried.count(sizes.size) == 1 else 1
        sizes.tell(sizes.size, slow * sizes.size * (1 + abs(sizes.size - 32)))
    assert tried == [8, 8, 16, 16, 32, 32, 64, 64]
    assert sizes.size == 32


def test_the_last_batch_may_be_smaller() -> None:
    sizes = BatchSize(8)
    sizes.tell(3, 1.0)
    sizes.tell(8, 1.0)
    sizes.tell(8, 1.0)
    assert sizes.size == 8


def test_a_memory_for_few_images_gives_a_small_size() -> None:
    assert BatchSize(3).size == 3
    assert BatchSize(0).size == 1
    classifier = Classifier(NETS["average pooled"][0](), input_shape=INPUT_SHAPE, device="cpu")
    # The largest maps: 6 channels of 8 x 8, or 5 of 16 x 16.
    assert most_images(classifier, 5 * 256 * 3 * 4 * 7) == 7
    assert most_images(classifier, 1) == 1
