"""Clocks for what is computed, so that engines can choose what is faster."""

import os
import time
from collections.abc import Callable

import torch


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds, to be subtracted from each other.

    On the CPU those that this thread computes, as other programs must not decide which way looks faster; on
    Windows, which counts these in steps of 16 ms, those that pass. On an accelerator those that pass until
    all that was asked of it is done.
    """
    if device.type == "cpu":
        return time.thread_time if os.name == "posix" else time.perf_counter
    mark = torch.zeros((), device=device)

    def seconds() -> float:
        # A value is there only after all that was asked for before.
        mark.item()
        return time.perf_counter()

    return seconds
