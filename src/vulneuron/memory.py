"""Errors that mean that the memory ran out."""

import torch

_PHRASES = ("out of memory", "can't allocate memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory ran out, so that fewer images at once may fit.

    PyTorch has a class of its own for this on accelerators only; on the CPU, and in some of the libraries
    under it, the text of a RuntimeError tells. NumPy raises MemoryError.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _PHRASES)
