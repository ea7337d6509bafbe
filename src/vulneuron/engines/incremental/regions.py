"""Interval arithmetic: which part of a layer's output can change with a part of its input."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Span:
    """Intervals ``[low, high)`` on one axis of a feature map, one per patch and never empty.

    Attributes
    ----------
    low, high
        ``(n,)``, int64, with 0 <= low < high <= length of the axis.
    """

    low: Ints
    high: Ints

    @property
    def sizes(self) -> Ints:
        """Lengths of the intervals."""
        return self.high - self.low

    def hull(self, other: "Span") -> "Span":
        """Smallest intervals that contain both."""
        return Span(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


@dataclass(frozen=True)
class Slide:
    """Movement of the window of a convolution or pooling along one axis.

    Output o reads the inputs ``o * stride - padding + dilation * t`` for t from 0 to kernel - 1.

    Attributes
    ----------
    kernel, stride, dilation
        In inputs.
    padding
        Padding before the first input; the padding after the last one follows from the number of outputs.
    """

    kernel: int
    stride: int
    padding: int
    dilation: int

    @property
    def reach(self) -> int:
        """Number of inputs from the first to the last that one output reads."""
        return self.dilation * (self.kernel - 1) + 1

    def reached(self, changed: Span, outputs: int) -> Span:
        """Intervals of the `outputs` outputs of an axis that may change with the inputs.

        An output outside of them never changes. They are larger than necessary where dilation or stride
        leaves inputs unread, and hold one output where no output reads a changed input.
        """
        # The first o with o * stride - padding + reach > low, and the last with o * stride - padding < high.
        first = -((self.reach - 1 - self.padding - changed.low) // self.stride)
        last = (changed.high - 1 + self.padding) // self.stride
        low = first.clip(0, outputs - 1)
        return Span(low, np.maximum(last.clip(0, outputs - 1), low) + 1)


@dataclass(frozen=True, eq=False)
class Spread:
    """Table of the outputs along an axis that each input affects: for resizing, whose windows move unevenly.

    Attributes
    ----------
    first, last
        ``(input,)``, int64, both non-decreasing: the first output that an input or one after it affects, and
        the last one that an input or one before it affects; -1 if there is none.
    outputs
        Number of outputs.
    """

    first: Ints
    last: Ints
    outputs: int

    @classmethod
    def of_inputs(cls, affected: npt.NDArray[np.bool_]) -> "Spread":
        """The table for ``(input, output)``: whether an input affects an output."""
        outputs = affected.shape[1]
        first = np.where(affected.any(1), affected.argmax(1), outputs - 1)
        last = np.where(affected.any(1), outputs - 1 - affected[:, ::-1].argmax(1), -1)
        return cls(np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last), outputs)

    @property
    def typical_share(self) -> float:
        """Mean fraction of the outputs that one input may change."""
        return float((self.last - self.first + 1).mean()) / self.outputs

    def reached(self, changed: Span) -> Span:
        """Intervals of the outputs that may change with the inputs; at least one output each."""
        low = self.first[changed.low]
        return Span(low, np.maximum(self.last[changed.high - 1], low) + 1)

    def equals(self, other: "Spread") -> bool:
        """Whether both have the same table."""
        return np.array_equal(self.first, other.first) and np.array_equal(self.last, other.last)


def patch_span(centers: Ints, patch: int, length: int) -> Span:
    """Pixels of the patches at these centers along one axis, clipped to the image as in `PatchGrid`."""
    half = patch // 2
    return Span(np.maximum(centers - half, 0), np.minimum(centers + half, length))
