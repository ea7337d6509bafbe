"""Clocks of the CPU, and of a fake accelerator that counts how often it is waited for."""

import time
from types import SimpleNamespace

import pytest
import torch

from vulneuron.network.devices import device_clock


def test_the_cpu_clock_counts_this_threads_time() -> None:
    assert device_clock(torch.device("cpu")) is time.thread_time


def test_windows_uses_wall_clock_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.name", "nt")
    assert device_clock(torch.device("cpu")) is time.perf_counter


def test_the_accelerator_clock_waits_for_queued_work(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    devices: list[torch.device] = []

    def zeros(_shape: tuple[()], device: torch.device) -> SimpleNamespace:
        devices.append(device)
        return SimpleNamespace(item=lambda: waits.append(time.perf_counter()))

    monkeypatch.setattr(torch, "zeros", zeros)
    clock = device_clock(torch.device("cuda", 1))
    times = [clock(), clock()]
    assert devices == [torch.device("cuda", 1)]
    assert waits[0] <= times[0] <= waits[1] <= times[1]
