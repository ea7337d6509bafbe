"""A clock for choices that are made by measuring."""

import time
from collections.abc import Callable

import torch


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds, to be subtracted from each other.

    On the CPU those that this thread computes, as other programs must not decide which way looks faster;
    else those that pass.
    """
    return time.thread_time if device.type == "cpu" else time.perf_counter
