"""Checks that a model has weights, in floating point and in memory."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from vulneuron.errors import ModelError

_QUANTIZED_PACKAGES = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")


def check_weights(model: nn.Module) -> None:
    """Refuse models that cannot be analyzed because of the kind of their weights.

    Raises
    ------
    ModelError
        If the model is TorchScript or quantized, or has lazy weights or weights on the meta device.
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                "the model is a TorchScript module",
                allowed="a torch.nn.Module in Python code, whose layers can be hooked",
                fix="build the model from its class, and load its weights",
            )
        if type(module).__module__.startswith(_QUANTIZED_PACKAGES):
            raise _quantized(f"{name or 'it'!r} is {type(module).__module__}.{type(module).__name__}")
    for name, tensor in tensors_by_name(model).items():
        if is_lazy(tensor):
            raise ModelError(
                f"the model has lazy layers without weights ({name})",
                allowed="a model whose weights have shapes and values",
                fix="run it once on a batch of images, and load its weights",
            )
        if tensor.is_meta:
            raise ModelError(
                f"the model's weights are on the meta device, without values ({name})",
                allowed="weights on a device with memory",
                fix="build the model on the CPU, or load its weights with load_state_dict(..., assign=True)",
            )
        if tensor.is_quantized:
            raise _quantized(f"{name} is {tensor.dtype}")


def _quantized(detail: str) -> ModelError:
    return ModelError(
        f"the model is quantized ({detail}), so it has no gradients",
        allowed="weights in floating point",
        fix="analyze the model from before the quantization",
    )


def tensors_by_name(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a model, without copies of shared ones."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def is_float32(model: nn.Module) -> bool:
    """Whether all floating-point weights of a model are float32."""
    tensors = tensors_by_name(model).values()
    return all(tensor.dtype == torch.float32 for tensor in tensors if tensor.is_floating_point())
