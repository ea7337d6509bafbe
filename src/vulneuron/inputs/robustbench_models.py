"""Models of RobustBench by name; robustbench is an optional dependency."""

import os
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn
from torchvision.transforms import CenterCrop, Resize

from vulneuron.errors import ModelError, did_you_mean, one_line
from vulneuron.inputs.checkpoints import apply_checkpoint
from vulneuron.inputs.loaded_model import LoadedModel, ThreatModel, fixed_seed
from vulneuron.inputs.preprocessing import Preprocessing
from vulneuron.inputs.specs import Spec, parse_spec

_DATASET, _THREAT_MODEL = "cifar10", "Linf"
#: Size of CIFAR images, which RobustBench does not resize.
_CIFAR_SIDE = 32
#: The budgets of RobustBench's leaderboards, for pixels in [0, 1].
_BUDGETS = {
    ("cifar10", "Linf"): ThreatModel("linf", 8 / 255),
    ("cifar10", "L2"): ThreatModel("l2", 0.5),
    ("cifar100", "Linf"): ThreatModel("linf", 8 / 255),
    ("imagenet", "Linf"): ThreatModel("linf", 4 / 255),
}
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_robustbench(text: str) -> LoadedModel:
    """Load ``robustbench:NAME[?dataset=D][&threat_model=T][&checkpoint=FILE]``.

    The model normalizes its inputs itself. Image size, class names and the budget of the default attack are
    those of the entry. The weights are downloaded, unless a checkpoint has them.

    Raises
    ------
    ModelError
        robustbench is not installed, the entry is unknown, a download failed, or the checkpoint does not fit.
    """
    spec = parse_spec(text, allowed=("dataset", "threat_model", "checkpoint"), kind=ModelError)
    dataset = spec.options.get("dataset", _DATASET)
    threat_model = spec.options.get("threat_model", _THREAT_MODEL)
    library = _robustbench()
    entry = _entry(library, spec, dataset, threat_model)
    name, checkpoint = spec.target.removeprefix("robustbench:"), spec.options.get("checkpoint")
    module = _build(library, spec, name, dataset, threat_model, entry)
    if checkpoint is not None:
        apply_checkpoint(module, checkpoint)
    return LoadedModel(
        module,
        spec.text,
        preprocessing=_preprocessing(library, name, dataset, threat_model),
        class_names=_class_names(dataset),
        threat_model=_BUDGETS.get((dataset, threat_model)),
        fresh=True,
    )


def _robustbench() -> ModuleType:
    fix = "install it with: pip install git+https://github.com/RobustBench/robustbench"
    try:
        metadata.distribution("robustbench")
    except metadata.PackageNotFoundError as error:
        raise ModelError(
            "given a model of RobustBench, but robustbench is not installed "
            "(torchattacks contains an old copy, which is not used)",
            allowed="models of RobustBench where robustbench is installed",
            fix=fix,
        ) from error
    try:
        import robustbench.data  # noqa: PLC0415 (optional, and slow to import)
        import robustbench.model_zoo  # noqa: PLC0415
        import robustbench.utils  # noqa: PLC0415
    # Its old releases fail with new versions of their dependencies in many ways.
    except Exception as error:
        raise ModelError(
            f"given a model of RobustBench, but robustbench cannot be imported ({one_line(error)})",
            allowed="an installation of robustbench that Python can import",
            fix=fix,
        ) from error
    module: ModuleType = robustbench
    return module


def _entry(library: Any, spec: Spec, dataset: str, threat_model: str) -> dict[str, Any]:
    """The entry of the model zoo."""
    zoo = {
        (data.value, threat.value): entries
        for data, threats in library.model_zoo.model_dicts.items()
        for threat, entries in threats.items()
    }
    if (dataset, threat_model) not in zoo:
        allowed = [f"dataset={data}&threat_model={threat}" for data, threat in zoo]
        raise ModelError(
            f"given dataset={dataset} and threat_model={threat_model} in {spec.text!r}",
            allowed=", ".join(allowed),
            fix=did_you_mean(f"dataset={dataset}&threat_model={threat_model}", allowed)
            or "choose one of these",
        )
    entries: dict[str, dict[str, Any]] = zoo[dataset, threat_model]
    name = spec.target.removeprefix("robustbench:")
    if name not in entries:
        raise ModelError(
            f"given the RobustBench model {name!r}",
            allowed=f"the {len(entries)} entries for dataset={dataset} and threat_model={threat_model}",
            fix=did_you_mean(name, list(entries)) or "look the name up on https://robustbench.github.io",
        )
    return entries[name]


def _build(
    library: Any, spec: Spec, name: str, dataset: str, threat_model: str, entry: dict[str, Any]
) -> nn.Module:
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "robustbench"
    try:
        if "checkpoint" in spec.options:
            with fixed_seed():
                module: nn.Module = entry["model"]()
        else:
            module = library.utils.load_model(
                name, model_dir=str(folder), dataset=dataset, threat_model=threat_model
            )
    # Downloads raise the errors of several network libraries.
    except Exception as error:
        raise ModelError(
            f"given {spec.text!r}, which robustbench cannot load ({one_line(error)})",
            allowed=f"weights from the network, or in {folder}",
            fix="check the network, or add &checkpoint=FILE",
        ) from error
    return module


def _preprocessing(library: Any, name: str, dataset: str, threat_model: str) -> Preprocessing:
    """The size of the entry's images, from its transforms."""
    if dataset != "imagenet":
        return Preprocessing(_CIFAR_SIDE, _CIFAR_SIDE)
    enums = library.model_zoo.enums
    transform = library.data.get_preprocessing(
        enums.BenchmarkDataset(dataset), enums.ThreatModel(threat_model), name, None
    )
    side, resize, interpolation = 224, None, "bilinear"
    for step in transform.transforms:
        if isinstance(step, CenterCrop):
            side = step.size[0]
        elif isinstance(step, Resize):
            resize = step.size if isinstance(step.size, int) else step.size[0]
            interpolation = step.interpolation.value
    return Preprocessing(side, side, resize, interpolation)  # type: ignore[arg-type]


def _class_names(dataset: str) -> tuple[str, ...] | None:
    if dataset == "imagenet":
        from torchvision.models import ResNet18_Weights  # noqa: PLC0415  slow to import

        return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
    return _CIFAR10 if dataset == "cifar10" else None
