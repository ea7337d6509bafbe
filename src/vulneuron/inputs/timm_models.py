"""Models of timm by name; timm is an optional dependency."""

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, get_args

from torch import nn

from vulneuron.errors import ModelError, did_you_mean, one_line
from vulneuron.inputs.checkpoints import apply_checkpoint_option
from vulneuron.inputs.loaded_model import RANDOM_WEIGHTS, LoadedModel, fixed_seed
from vulneuron.inputs.preprocessing import Interpolation, Preprocessing
from vulneuron.inputs.specs import Spec, parse_spec


def load_timm(text: str) -> LoadedModel:
    """Load ``timm:NAME[?checkpoint=FILE][&pretrained=true][&num_classes=N]``.

    Normalization and preprocessing are timm's for the model, at its training size (some models score slightly
    better at a larger test size, at a higher cost).

    Raises
    ------
    ModelError
        timm is not installed, the name is unknown, a download failed, or a checkpoint does not fit.
    """
    spec = parse_spec(
        text, allowed=("checkpoint", "checkpoint_key", "pretrained", "num_classes"), kind=ModelError
    )
    timm = _timm()
    pretrained, checkpoint = spec.flag("pretrained"), spec.options.get("checkpoint")
    if pretrained and checkpoint is not None:
        raise ModelError(
            f"given pretrained=true and a checkpoint in {text!r}",
            allowed="one of the two",
            fix="leave out pretrained to use the checkpoint",
        )
    module = _build(timm, spec, pretrained, spec.number("num_classes"))
    checkpoint_notes = apply_checkpoint_option(module, spec)
    config = timm.data.resolve_model_data_config(module)
    preprocessing, notes = _preprocessing(config)
    notes = (*checkpoint_notes, *notes)
    if not pretrained and checkpoint is None:
        notes = (RANDOM_WEIGHTS, *notes)
    return LoadedModel(
        module,
        spec.text,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        preprocessing=preprocessing,
        class_names=_class_names(module),
        notes=notes,
        fresh=True,
    )


def _timm() -> ModuleType:
    try:
        import timm  # noqa: PLC0415 (optional, and slow to import)
    except ImportError as error:
        raise ModelError(
            "given a timm model, but timm is not installed",
            allowed="timm models where timm is installed",
            fix="install it with: pip install 'vulneuron[timm]'",
        ) from error
    module: ModuleType = timm
    return module


def _build(timm: Any, spec: Spec, pretrained: bool, classes: int | None) -> nn.Module:
    name = spec.target.removeprefix("timm:")
    options = {} if classes is None else {"num_classes": classes}
    try:
        with fixed_seed():
            module: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
    # timm raises RuntimeError for unknown names; downloads raise the errors of several network libraries.
    except Exception as error:
        if not name.startswith("hf-hub:") and not timm.is_model(name):
            names = timm.list_models()
            raise ModelError(
                f"given the timm model {name!r}",
                allowed=f"the {len(names)} names of timm.list_models()",
                fix=did_you_mean(name, names) or "look the name up with timm.list_models()",
            ) from error
        raise ModelError(
            f"given {spec.text!r}, which timm cannot load ({one_line(error)})",
            allowed="weights from the network, the cache or a file",
            fix="check tag and network, or use checkpoint=FILE in place of pretrained",
        ) from error
    return module


def _preprocessing(config: Mapping[str, Any]) -> tuple[Preprocessing, tuple[str, ...]]:
    _, height, width = config["input_size"]
    square = height == width
    supported = config["interpolation"] in get_args(Interpolation)
    notes = []
    if config["crop_mode"] != "center" or not square:
        notes.append(
            f"timm crops images for this model by {config['crop_mode']!r}; here they keep their aspect ratio "
            "and are cropped to the center."
        )
    return Preprocessing(
        height,
        width,
        math.floor(height / config["crop_pct"]) if square else None,
        config["interpolation"] if supported else "bicubic",
    ), tuple(notes)


def _class_names(module: nn.Module) -> tuple[str, ...] | None:
    config: Mapping[str, Any] = getattr(module, "pretrained_cfg", {})
    classes = getattr(module, "num_classes", None)
    names = config.get("label_names")
    if names is not None and len(names) == classes:
        return tuple(map(str, names))
    if classes == config.get("num_classes") == 1000:
        from torchvision.models import ResNet18_Weights  # noqa: PLC0415  slow to import

        return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
    return None
