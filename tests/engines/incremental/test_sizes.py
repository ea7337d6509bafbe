"""Memory of steps: made-up sizes, and a network small enough to count by hand."""

import numpy as np
import pytest
from torch import Tensor, nn

from vulneuron.engines.incremental.costs import possible_cuts
from vulneuron.engines.incremental.geometry import propagate_spans
from vulneuron.engines.incremental.sizes import StepSizes, background_bytes, step_sizes
from vulneuron.engines.incremental.steps import trace_steps
from vulneuron.network import Classifier

#: A chain of three steps, each read only by the next.
CHAIN = StepSizes(
    np.array([100.0, 200.0, 50.0]),
    np.zeros(3),
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], bool),
)


def test_peak_memory_is_the_larger_of_both_sides_of_the_cut() -> None:
    areas = np.array([0.1, 0.1, 0.5])
    assert CHAIN.peak_bytes(areas, 3) == pytest.approx(8 * 50)
    assert CHAIN.peak_bytes(areas, 2) == pytest.approx(8 * 200)
    assert CHAIN.peak_bytes(areas, 0) == CHAIN.peak_bytes_whole() == pytest.approx(8 * 200)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 5, 1), nn.Conv2d(5, 5, 3, padding=1)
        self.relu, self.fc = nn.ReLU(), nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        stem = self.stem(images)
        logits: Tensor = self.fc(self.relu(self.conv(stem) + stem).mean((2, 3)))
        return logits


def test_a_shortcut_stays_alive_until_it_is_added() -> None:
    steps = trace_steps(Classifier(Block(), input_shape=(3, 8, 8), device="cpu"))
    assert steps is not None
    sizes = step_sizes(steps, propagate_spans(steps, 2))
    assert sizes.numbers.tolist() == [5 * 64, 5 * 64, 5 * 64, 5 * 64, 5, 2]
    before = [[], [0], [0, 1], [2], [3], [4], [5]]
    assert [np.flatnonzero(row).tolist() for row in sizes.alive] == before
    assert not sizes.pasted.any()
    assert sizes.peak_bytes_whole() == 8 * 2 * 320


def test_backgrounds_are_the_outputs_read_around_regions() -> None:
    """The image, the input of a 3x3 convolution (also the shortcut), and the input of the pooling."""
    steps = trace_steps(Classifier(Block(), input_shape=(3, 8, 8), device="cpu"))
    assert steps is not None
    spans = propagate_spans(steps, 2)
    assert {node.name for node in spans.backgrounds} == {"images", "stem", "relu"}
    assert background_bytes(steps, spans) == 4 * 64 * (3 + 5 + 5)
    # The convolution's own output has no background: only its changed region is ever read.
    assert possible_cuts(steps, spans, step_sizes(steps, spans)).tolist() == [
        True,
        True,
        False,
        False,
        True,
        True,
        True,
    ]


class Shaped(Block):
    """Reads the shape of its first feature maps, whose regions have to be pasted for that."""

    def forward(self, images: Tensor) -> Tensor:
        stem = self.stem(images)
        count, channels, rows, columns = stem.shape
        maps = self.relu(self.conv(stem) + stem).view(count, channels, rows * columns)
        logits: Tensor = self.fc(maps.mean(2))
        return logits


def test_pasting_for_a_step_that_needs_whole_inputs_is_counted() -> None:
    steps = trace_steps(Classifier(Shaped(), input_shape=(3, 8, 8), device="cpu"))
    assert steps is not None
    sizes = step_sizes(steps, propagate_spans(steps, 2))
    pasted = {step.node.name: count for step, count in zip(steps.steps, sizes.pasted, strict=True) if count}
    assert pasted == {"getattr_1": 320, "view": 320}
    assert sizes.peak_bytes(np.zeros(len(steps.steps)), len(steps.steps)) == 8 * 320
