"""Timing of work on a device: one clock for batch sizes and step costs, so its own module."""

import os
import time
from collections.abc import Callable

import torch


def device_clock(device: torch.device) -> Callable[[], float]:
    """Clock in seconds; only differences are meaningful.

    On the CPU it counts the time of this thread, so other programs cannot change which option looks faster.
    Windows counts thread time in steps of 16 ms, so there it is wall-clock time. On an accelerator it is
    wall-clock time after all queued work has finished.
    """
    if device.type == "cpu":
        return time.thread_time if os.name == "posix" else time.perf_counter
    mark = torch.zeros((), device=device)

    def seconds() -> float:
        # Reading a value waits for all work queued before it.
        mark.item()
        return time.perf_counter()

    return seconds
