"""Classification data sets of torchvision by name."""

import inspect
from pathlib import Path
from typing import Any

import torchvision.datasets

from vulneuron.errors import ImagesError, did_you_mean, one_line
from vulneuron.inputs.specs import Spec, parse_spec

# Data sets of images with one class each; splits are read from their signatures.
NAMES = (
    *("CIFAR10", "CIFAR100", "Caltech101", "Caltech256", "Country211", "DTD", "EuroSAT", "FER2013"),
    *("FGVCAircraft", "FashionMNIST", "Flowers102", "Food101", "GTSRB", "ImageNet", "Imagenette", "KMNIST"),
    *("MNIST", "OxfordIIITPet", "PCAM", "Places365", "QMNIST", "RenderedSST2", "STL10", "SUN397", "SVHN"),
    *("StanfordCars", "USPS"),
)


def open_torchvision(text: str) -> Any:
    """Open ``torchvision:NAME?root=DIR[&split=S][&download=true]``.

    ``split`` is "train" or "test" for data sets with only these two, such as CIFAR10 and MNIST; others have
    their own names. It is required if the data set has splits.

    Raises
    ------
    ImagesError
        Unknown name or split, no root, or a missing data set.
    """
    spec = parse_spec(text, allowed=("root", "split", "download"), kind=ImagesError)
    name = spec.target.removeprefix("torchvision:")
    if name not in NAMES:
        raise ImagesError(
            f"given the torchvision data set {name!r}",
            allowed=", ".join(NAMES),
            fix=did_you_mean(name, NAMES) or "return other data sets from a function: PATH.py:FUNCTION",
        )
    dataset = getattr(torchvision.datasets, name)
    options = _options(spec, inspect.signature(dataset).parameters.keys())
    try:
        return dataset(**options)
    # Missing files, wrong splits, failed downloads and missing packages all raise different errors.
    except Exception as error:
        raise ImagesError(
            f"given {text!r}, which torchvision cannot open ({one_line(error)})",
            allowed=f"a split of {name}, and a root in which torchvision finds its files",
            fix="check root and split, or add &download=true",
        ) from error


def _options(spec: Spec, parameters: Any) -> dict[str, object]:
    if "root" not in spec.options:
        raise ImagesError(
            f"given {spec.text!r} without a root",
            allowed="torchvision:NAME?root=DIR[&split=S][&download=true]",
            fix="add ?root=DIR, the folder that contains the data set",
        )
    options: dict[str, object] = {"root": Path(spec.options["root"]).expanduser()}
    split = spec.options.get("split")
    if "train" in parameters:
        if split not in ("train", "test"):
            raise _split_error(spec, split, "train, test")
        options["train"] = split == "train"
    elif "split" in parameters:
        if split is None:
            raise _split_error(spec, split, "a split of this data set, such as train, val or test")
        options["split"] = split
    elif split is not None:
        raise _split_error(spec, split, "no split: this data set has none")
    if spec.flag("download"):
        if "download" not in parameters:
            raise ImagesError(
                f"given download=true in {spec.text!r}",
                allowed="download for data sets that torchvision can fetch",
                fix="download it yourself and give its folder as root",
            )
        options["download"] = True
    return options


def _split_error(spec: Spec, split: str | None, allowed: str) -> ImagesError:
    split_text = "no split" if split is None else f"split={split}"
    return ImagesError(
        f"given {split_text} in {spec.text!r}", allowed=allowed, fix="write for example &split=test"
    )
