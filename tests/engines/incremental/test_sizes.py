"""How much memory steps take: made-up sizes, and a network that can be counted by hand."""

import numpy as np
import pytest
from torch import Tensor, nn

from vulneuron.engines.incremental.costs import possible_cuts
from vulneuron.engines.incremental.geometry import spans_of
from vulneuron.engines.incremental.sizes import Sizes, kept_bytes, sizes_of
from vulneuron.engines.incremental.steps import steps_of
from vulneuron.network import Classifier

#: Three steps in a row, each read by the next one only.
CHAIN = Sizes(
    np.array([100.0, 200.0, 50.0]),
    np.zeros(3),
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], bool),
)


def test_memory_is_that_of_the_largest_maps_on_either_side_of_the_cut() -> None:
    areas = np.array([0.1, 0.1, 0.5])
    assert CHAIN.bytes_of(areas, 3) == pytest.approx(8 * 50)
    assert CHAIN.bytes_of(areas, 2) == pytest.approx(8 * 200)
    assert CHAIN.bytes_of(areas, 0) == CHAIN.bytes_of_whole() == pytest.approx(8 * 200)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 5, 1), nn.Conv2d(5, 5, 3, padding=1)
        self.relu, self.fc = nn.ReLU(), nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        stem = self.stem(images)
        logits: Tensor = self.fc(self.relu(self.conv(stem) + stem).mean((2, 3)))
        return logits


def test_a_shortcut_is_alive_until_it_is_added() -> None:
    steps = steps_of(Classifier(Block(), input_shape=(3, 8, 8), device="cpu"))
    assert steps is not None
    sizes = sizes_of(steps, spans_of(steps, 2))
    assert sizes.numbers.tolist() == [5 * 64, 5 * 64, 5 * 64, 5 * 64, 5, 2]
    before = [[], [0], [0, 1], [2], [3], [4], [5]]
    assert [np.flatnonzero(row).tolist() for row in sizes.alive] == before
    assert not sizes.pasted.any()
    assert sizes.bytes_of_whole() == 8 * 2 * 320


def test_kept_is_what_is_read_around_regions() -> None:
    """The image, what a 3x3 convolution reads, a shortcut beside a larger region, and what is pooled."""
    steps = steps_of(Classifier(Block(), input_shape=(3, 8, 8), device="cpu"))
    assert steps is not None
    spans = spans_of(steps, 2)
    assert {node.name for node in spans.kept} == {"images", "stem", "relu"}
    assert kept_bytes(steps, spans) == 4 * 64 * (3 + 5 + 5)
    # The convolution's own output is never whole: the sum is where it has changed.
    assert possible_cuts(steps, spans, sizes_of(steps, spans)).tolist() == [
        True,
        True,
        False,
        False,
        True,
        True,
        True,
    ]


class Shaped(Block):
    """Reads the sizes of its first maps, for which regions of them have to be pasted."""

    def forward(self, images: Tensor) -> Tensor:
        stem = self.stem(images)
        count, channels, rows, columns = stem.shape
        maps = self.relu(self.conv(stem) + stem).view(count, channels, rows * columns)
        logits: Tensor = self.fc(maps.mean(2))
        return logits


def test_what_is_pasted_for_a_step_that_needs_it_whole_counts() -> None:
    steps = steps_of(Classifier(Shaped(), input_shape=(3, 8, 8), device="cpu"))
    assert steps is not None
    sizes = sizes_of(steps, spans_of(steps, 2))
    pasted = {step.node.name: count for step, count in zip(steps.steps, sizes.pasted, strict=True) if count}
    assert pasted == {"getattr_1": 320, "view": 320}
    assert sizes.bytes_of(np.zeros(len(steps.steps)), len(steps.steps)) == 8 * 320
