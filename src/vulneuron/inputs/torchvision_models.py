"""Models of torchvision by name, with or without its trained weights."""

from typing import Any

import torchvision.models
from torch import nn

from vulneuron.errors import ModelError, did_you_mean, one_line
from vulneuron.inputs.checkpoints import apply_checkpoint_option
from vulneuron.inputs.loaded_model import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    RANDOM_WEIGHTS,
    LoadedModel,
    fixed_seed,
)
from vulneuron.inputs.preprocessing import Preprocessing
from vulneuron.inputs.specs import Spec, parse_spec

# These two warn without an explicit init_weights, and rescale their inputs for trained weights.
_INCEPTIONS = ("googlenet", "inception_v3")


def load_torchvision(text: str) -> LoadedModel:
    """Load ``torchvision:NAME[?weights=W][&checkpoint=FILE][&num_classes=N]``.

    ``weights`` determine normalization, preprocessing and class names. With a ``checkpoint`` as well, the
    tensors come from that file, and nothing is downloaded.

    Raises
    ------
    ModelError
        Unknown name or weights, a failed download, a checkpoint that does not fit.
    """
    spec = parse_spec(
        text, allowed=("weights", "checkpoint", "checkpoint_key", "num_classes"), kind=ModelError
    )
    name = _checked_name(spec)
    weights = _weights(spec, name)
    checkpoint, classes = spec.options.get("checkpoint"), spec.number("num_classes")
    official = len(weights.meta["categories"]) if weights is not None else None
    if weights is not None and checkpoint is None and classes not in (None, official):
        raise ModelError(
            f"given num_classes={classes} in {text!r}, whose weights have {official} classes",
            allowed="num_classes without weights, or with a checkpoint",
            fix="add &checkpoint=FILE with the weights of your own classes",
        )
    module = _build(spec, name, weights, classes)
    checkpoint_notes = apply_checkpoint_option(module, spec)
    if weights is None:
        convention = "Without weights=, mean and std are those of ImageNet, as in torchvision's models."
        notes = (*checkpoint_notes, convention) if checkpoint is not None else (RANDOM_WEIGHTS, convention)
        return LoadedModel(module, spec.text, IMAGENET_MEAN, IMAGENET_STD, notes=notes, fresh=True)
    transform = weights.transforms()
    size, resize = transform.crop_size[0], transform.resize_size[0]
    return LoadedModel(
        module,
        spec.text,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        preprocessing=Preprocessing(size, size, resize, transform.interpolation.value),
        class_names=tuple(weights.meta["categories"]) if classes in (None, official) else None,
        notes=checkpoint_notes,
        fresh=True,
    )


def torchvision_names() -> list[str]:
    """Names of torchvision's classifiers, without its models for other tasks."""
    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _checked_name(spec: Spec) -> str:
    name = spec.target.removeprefix("torchvision:")
    names = torchvision_names()
    if name not in names:
        raise ModelError(
            f"given the torchvision model {name!r}",
            allowed=f"the {len(names)} names of torchvision.models.list_models(module=torchvision.models)",
            fix=did_you_mean(name, names) or "look the name up in torchvision's documentation",
        )
    return name


def _weights(spec: Spec, name: str) -> Any:
    text = spec.options.get("weights")
    if text is None:
        return None
    members = torchvision.models.get_model_weights(name).__members__
    # Both IMAGENET1K_V1 and ResNet18_Weights.IMAGENET1K_V1 are in use.
    key = text.rpartition(".")[2].upper()
    if key not in members:
        raise ModelError(
            f"given weights={text} for {name}",
            allowed=", ".join(members),
            fix=did_you_mean(key, members) or "write weights=DEFAULT",
        )
    return members[key]


def _build(spec: Spec, name: str, weights: Any, classes: int | None) -> nn.Module:
    download = weights is not None and "checkpoint" not in spec.options
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name in _INCEPTIONS and not download:
        options |= {"init_weights": True, "transform_input": weights is not None}
    try:
        with fixed_seed():
            module: nn.Module = torchvision.models.get_model(
                name, weights=weights if download else None, **options
            )
    # A download can fail in the network, on disk, or at its hash check.
    except Exception as error:
        if not download:
            raise ModelError(
                f"given {spec.text!r}, which torchvision cannot build ({one_line(error)})",
                allowed="a name and options that torchvision accepts",
                fix="check num_classes",
            ) from error
        raise ModelError(
            f"given {spec.text!r}, whose weights cannot be downloaded ({one_line(error)})",
            allowed="weights from the network, torch's cache or a file",
            fix=f"download {weights.url} on another machine and add &checkpoint=FILE",
        ) from error
    return module
