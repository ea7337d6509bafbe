"""Clocks of the CPU, and of an accelerator that only counts how often it is waited for."""

import time
from types import SimpleNamespace

import pytest
import torch

from vulneuron.engines.clock import clock_of


def test_on_the_cpu_only_what_this_thread_computes_counts() -> None:
    assert clock_of(torch.device("cpu")) is time.thread_time


def test_a_system_that_counts_a_threads_time_in_large_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.name", "nt")
    assert clock_of(torch.device("cpu")) is time.perf_counter


def test_an_accelerator_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    asked: list[torch.device] = []

    def zeros(_shape: tuple[()], device: torch.device) -> SimpleNamespace:
        asked.append(device)
        return SimpleNamespace(item=lambda: waits.append(time.perf_counter()))

    monkeypatch.setattr(torch, "zeros", zeros)
    clock = clock_of(torch.device("cuda", 1))
    times = [clock(), clock()]
    assert asked == [torch.device("cuda", 1)]
    assert waits[0] <= times[0] <= waits[1] <= times[1]
