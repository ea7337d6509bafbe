"""The device a network computes on, its precision, and running out of its memory."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from vulneuron.errors import ModelError

Precision = Literal["float32", "float16", "bfloat16"]
_HALVES: dict[str, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}
#: What a RuntimeError of the CPU allocator says.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


def resolve_device(name: str) -> torch.device:
    """Device of that name; "auto" takes cuda, then mps, then cpu.

    Raises
    ------
    ModelError
        If torch does not know the device, or this machine does not have it.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"device {name!r} cannot be used ({str(error).splitlines()[0]})",
            allowed="auto, cpu, cuda, cuda:N, mps",
            fix="leave --device out to have it chosen",
        ) from error
    return device


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that is unknown, or of no use on the device.

    Raises
    ------
    ModelError
        For another name than those of `Precision`, and for mixed precision on the CPU.
    """
    if precision != "float32" and precision not in _HALVES:
        raise ModelError(
            f"precision {precision!r} is unknown",
            allowed="float32, float16, bfloat16",
            fix="leave it out for float32",
        )
    if precision in _HALVES and device.type == "cpu":
        raise ModelError(
            f"mixed precision ({precision}) was asked for on the CPU",
            allowed="float32 on the CPU; float16 and bfloat16 on cuda and mps",
            fix="leave it out, or choose an accelerator with --device",
        )


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Context of automatic mixed precision; one that does nothing for float32."""
    # Some versions of torch refuse `autocast(..., enabled=False)` for mps, so float32 does not ask for it.
    return torch.autocast(device.type, _HALVES[precision]) if precision in _HALVES else nullcontext()


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory ran out, so that fewer images at once may fit.

    PyTorch has a class of its own for this on accelerators only; on the CPU, and in some of the libraries
    under it, the text of a RuntimeError tells. NumPy raises MemoryError.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _OUT_OF_MEMORY)
