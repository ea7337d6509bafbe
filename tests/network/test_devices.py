"""Recognition of errors that mean out of memory."""

import numpy as np
import pytest
import torch

from vulneuron.network.devices import out_of_memory


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
