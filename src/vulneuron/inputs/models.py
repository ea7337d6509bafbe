"""Loads models from torchvision, timm or a Python file, or takes them as objects."""

import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import nn

from vulneuron.errors import ModelError
from vulneuron.inputs.checkpoints import apply_checkpoint_option, check_finite
from vulneuron.inputs.loaded_model import LoadedModel, fixed_seed
from vulneuron.inputs.specs import parse_spec
from vulneuron.inputs.timm_models import load_timm
from vulneuron.inputs.userfile import call_function
from vulneuron.network.process_state import PROCESS_STATE
from vulneuron.network.unwrapping import unwrapped
from vulneuron.network.weights import check_weights


def load_model(
    source: str | nn.Module,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    class_names: Sequence[str] | None = None,
) -> LoadedModel:
    """Load a model from a spec string, or wrap a module.

    Networks are built with a fixed seed, so a spec always gives the same weights.

    Parameters
    ----------
    source
        - ``torchvision:NAME[?weights=DEFAULT][&checkpoint=FILE][&num_classes=N]``; with both ``weights`` and
          ``checkpoint``, preprocessing and class names come from the weights, the tensors from the file;
        - ``timm:NAME[?checkpoint=FILE][&pretrained=true][&num_classes=N]``;
        - ``robustbench:NAME[?dataset=cifar10][&threat_model=Linf][&checkpoint=FILE]``;
        - ``PATH.py:FUNCTION[?checkpoint=FILE]``, a function without arguments that returns a module;
        - in all of these, ``&checkpoint_key=KEY`` selects weights of a file with several, for example
          averaged ones (``state_dict_ema``);
        - any `torch.nn.Module`.
    mean, std
        Normalization, one number per channel, instead of the model's own. A module from a file or from Python
        has none: it takes pixels in [0, 1].
    class_names
        Names of the outputs, instead of the model's own.

    Raises
    ------
    ModelError
        The model is unknown or cannot be built, its checkpoint does not fit, its weights are not finite, or
        ``mean`` and ``std`` are invalid.
    """
    with PROCESS_STATE:
        model = _from_module(source) if isinstance(source, nn.Module) else _from_spec(source)
    check_finite(model.module)
    if mean is not None or std is not None:
        mean, std = _checked_normalization(mean, std)
        model = replace(model, mean=mean, std=std)
    if class_names is not None:
        model = replace(model, class_names=tuple(class_names))
    return model


def _from_module(source: nn.Module) -> LoadedModel:
    check_weights(source)
    module = unwrapped(source)
    return LoadedModel(module, type(module).__name__)


def _from_spec(text: object) -> LoadedModel:
    if isinstance(text, str):
        if text.startswith("torchvision:"):
            # torchvision takes a second to import, and other models do not need it.
            from vulneuron.inputs.torchvision_models import load_torchvision  # noqa: PLC0415

            return load_torchvision(text)
        if text.startswith("timm:"):
            return load_timm(text)
        if text.startswith("robustbench:"):
            from vulneuron.inputs.robustbench_models import load_robustbench  # noqa: PLC0415  slow, like torchvision

            return load_robustbench(text)
        if ".py:" in text:
            return _from_file(text)
    if isinstance(text, Mapping):
        raise ModelError(
            f"given a mapping with {len(text)} entries as the model: weights alone are not a network",
            allowed="a torch.nn.Module, or a spec string",
            fix="build the network, and call its load_state_dict with the weights",
        )
    raise ModelError(
        f"given the model {reprlib.repr(text)}",
        allowed="torchvision:NAME[?weights=W][&checkpoint=FILE][&num_classes=N], "
        "timm:NAME[?checkpoint=FILE][&pretrained=true][&num_classes=N], "
        "robustbench:NAME[?dataset=D][&threat_model=T][&checkpoint=FILE], "
        "PATH.py:FUNCTION[?checkpoint=FILE], or a torch.nn.Module from Python",
        fix=_hint(str(text)),
    )


def _hint(text: str) -> str:
    from vulneuron.inputs.torchvision_models import torchvision_names  # noqa: PLC0415  slow to import

    if text in torchvision_names():
        return f"write torchvision:{text}?weights=DEFAULT"
    if text.endswith((".safetensors", ".pt", ".pth", ".ckpt", ".bin")):
        return f"weights alone are not a network: write for example torchvision:resnet18?checkpoint={text}"
    return "write for example torchvision:resnet18?weights=DEFAULT"


def _from_file(text: str) -> LoadedModel:
    spec = parse_spec(text, allowed=("checkpoint", "checkpoint_key"), kind=ModelError)
    with fixed_seed():
        module = call_function(spec.target, ModelError)
    if not isinstance(module, nn.Module):
        raise ModelError(
            f"given {spec.target!r}, which returned {type(module).__name__}",
            allowed="a function that returns a torch.nn.Module",
            fix="return the module itself",
        )
    check_weights(module)
    module = unwrapped(module)
    notes = apply_checkpoint_option(module, spec)
    return LoadedModel(module, spec.text, notes=notes)


def _checked_normalization(
    mean: Sequence[float] | None, std: Sequence[float] | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if mean is None or std is None:
        one, other = ("mean", "std") if std is None else ("std", "mean")
        raise ModelError(
            f"given {one} without {other}",
            allowed="mean and std together",
            fix=f"also pass {other} (--{other}), or leave out {one} for the model's own normalization",
        )
    try:
        pair = tuple(float(value) for value in mean), tuple(float(value) for value in std)
    # A single number, or strings.
    except (TypeError, ValueError):
        pair = (), ()
    finite = all(math.isfinite(value) for values in pair for value in values)
    if not finite or len(pair[0]) != len(pair[1]) or min(pair[1], default=0.0) <= 0:
        raise ModelError(
            f"given mean {mean} and std {std}",
            allowed="one finite number per channel each, std above 0",
            fix="use for example 0.5,0.5,0.5 for both",
        )
    if max(pair[0]) > 1 and min(pair[1]) > 1:
        scaled = ",".join(f"{value / 255:.3f}" for value in pair[0])
        raise ModelError(
            f"given mean {mean} and std {std}, on the scale of pixels from 0 to 255",
            allowed="mean and std on the scale of pixels from 0 to 1",
            fix=f"divide both by 255: a mean of {scaled}",
        )
    return pair
