"""Devices of this machine, and errors that mean out of memory."""

import numpy as np
import pytest
import torch

from vulneuron.errors import ModelError
from vulneuron.network.devices import available_devices, out_of_memory, resolve_device


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("no room"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        MemoryError(),
    ],
)
def test_memory_errors(error: BaseException) -> None:
    assert out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("out of memory"), KeyError("a")])
def test_other_errors(error: BaseException) -> None:
    assert not out_of_memory(error)


def test_what_the_libraries_really_raise() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert out_of_memory(caught.value)
    with pytest.raises(MemoryError) as caught_by_numpy:
        np.empty(2**60 - 1, np.uint8)
    assert out_of_memory(caught_by_numpy.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tpu", "meta", "xpu", ""])
def test_only_devices_of_this_machine_are_offered(device: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_device(device)
    offered = caught.value.allowed.split(", ")
    assert offered[:2] == ["auto", "cpu"]
    assert not any("cuda" in name for name in offered)
    assert ("mps" in offered) == torch.backends.mps.is_available()
    assert "\n" not in str(caught.value)
    for name in offered:
        resolve_device(name)


def test_gpus_are_offered_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert available_devices()[:4] == ["cpu", "cuda", "cuda:0", "cuda:1"]
