"""Devices, precision, out-of-memory errors, and clocks of devices."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from vulneuron.errors import ModelError, one_line

Precision = Literal["float32", "float16", "bfloat16"]
_HALVES: dict[str, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}
#: Phrases in RuntimeErrors of the CPU allocator.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


def resolve_device(name: str) -> torch.device:
    """Device of this name; "auto" selects cuda, then mps, then cpu.

    Raises
    ------
    ModelError
        If torch does not support the device, or this machine does not have it.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        # Tensors on "meta" have no values.
        if device.type == "meta":
            raise RuntimeError("it stores no values")
        torch.zeros(1, device=device)
    # Libraries of devices that are not compiled in raise further types.
    except Exception as error:
        raise ModelError(
            f"device {name!r} cannot be used ({one_line(error)})",
            allowed=", ".join(("auto", *available_devices())),
            fix="omit --device to select it automatically",
        ) from error
    return device


def available_devices() -> list[str]:
    """Names of the devices of this machine."""
    gpus = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return [
        "cpu",
        *(["cuda", *gpus] if gpus else []),
        *(["mps"] if torch.backends.mps.is_available() else []),
    ]


def check_precision(precision: str) -> None:
    """Reject a precision that is unknown.

    Raises
    ------
    ModelError
        If the name is not a `Precision`.
    """
    if precision != "float32" and precision not in _HALVES:
        raise ModelError(
            f"precision {precision!r} is unknown",
            allowed="float32, float16, bfloat16",
            fix="omit it for float32",
        )


def check_gain(precision: str, device: torch.device) -> None:
    """Reject mixed precision on a device where it saves no time.

    Raises
    ------
    ModelError
        For mixed precision on the CPU.
    """
    if precision in _HALVES and device.type == "cpu":
        raise ModelError(
            f"mixed precision ({precision}) is not supported on the CPU",
            allowed="float32 on the CPU; float16 and bfloat16 on cuda and mps",
            fix="omit it, or select an accelerator with --device",
        )


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Context of automatic mixed precision; a null context for float32."""
    # Some versions of torch reject `autocast(..., enabled=False)` for mps, so float32 does not use it.
    return torch.autocast(device.type, _HALVES[precision]) if precision in _HALVES else nullcontext()


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means out of memory, so a smaller batch may fit.

    PyTorch has an exception class for this only on accelerators. On the CPU, and in some underlying
    libraries, only the message of a RuntimeError shows it. NumPy raises MemoryError.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _OUT_OF_MEMORY)


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
