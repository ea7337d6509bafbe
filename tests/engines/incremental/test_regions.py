"""Interval arithmetic compared with lists of the inputs of each output."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from vulneuron.engines.incremental.regions import Slide, Span, patch_span

slides = st.builds(Slide, st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))


def read_by(slide: Slide, output: int) -> list[int]:
    return [output * slide.stride - slide.padding + slide.dilation * t for t in range(slide.kernel)]


@given(slides, st.integers(1, 30), st.data())
def test_outputs_outside_the_interval_read_no_changed_input(
    slide: Slide, length: int, data: st.DataObject
) -> None:
    outputs = (length + 2 * slide.padding - slide.reach) // slide.stride + 1
    assume(outputs >= 1)
    low = data.draw(st.integers(0, length - 1))
    high = data.draw(st.integers(low + 1, length))
    reached = slide.reached(Span(np.array([low]), np.array([high])), outputs)
    start, end = int(reached.low[0]), int(reached.high[0])
    assert 0 <= start < end <= outputs
    reading = [o for o in range(outputs) if any(low <= cell < high for cell in read_by(slide, o))]
    assert set(reading) <= set(range(start, end))
    if slide.dilation == 1 and slide.stride <= slide.kernel and reading:
        assert reading == list(range(start, end))


def test_patches_are_clipped_to_the_image() -> None:
    span = patch_span(np.arange(6), 4, 6)
    assert span.low.tolist() == [0, 0, 0, 1, 2, 3]
    assert span.high.tolist() == [2, 3, 4, 5, 6, 6]
    hull = span.hull(Span(np.full(6, 2), np.full(6, 3)))
    assert hull.low.tolist() == [0, 0, 0, 1, 2, 2]
    assert hull.high.tolist() == [3, 3, 4, 5, 6, 6]
