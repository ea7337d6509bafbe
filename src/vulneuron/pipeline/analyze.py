"""`analyze`: creates a record."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from vulneuron.attacks import PGD, Attack, as_attack
from vulneuron.errors import RunError
from vulneuron.inputs.adversarials import Adversarials, load_adversarials
from vulneuron.inputs.channels import open_images_for
from vulneuron.inputs.class_name_files import as_class_names
from vulneuron.inputs.counterparts import check_counterparts
from vulneuron.inputs.loaded_model import ThreatModel
from vulneuron.inputs.models import load_model
from vulneuron.inputs.preprocessing import Interpolation, override
from vulneuron.network import Classifier
from vulneuron.network.devices import Precision, check_gain, resolve_device
from vulneuron.pipeline.arguments import check_path, checked_seed, checked_size, integers_as_text, whole
from vulneuron.pipeline.execute import check_out, execute
from vulneuron.pipeline.label_order import choose_label_order
from vulneuron.pipeline.run import Run, Selection, settings
from vulneuron.pipeline.selection import class_indices, split_names
from vulneuron.record import Record


# In inference mode, attacks would have no gradients.
@torch.inference_mode(False)
def analyze(
    model: str | nn.Module,
    images: Any,
    labels: Any = None,
    *,
    out: str | os.PathLike[str],
    attack: Any = None,
    target: str | int | None = None,
    adversarials: Any = None,
    classes: str | Sequence[str] | None = None,
    limit: int | None = None,
    most_attacked: int | None = None,
    class_names: str | Sequence[str] | Mapping[Any, Any] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    layers: str | nn.Module | Sequence[str | nn.Module] | None = None,
    device: str = "auto",
    precision: Precision = "float32",
    image_size: int | tuple[int, int] | None = None,
    resize: int | None = None,
    interpolation: Interpolation | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    joint_projection: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Record:
    """Attack a classifier's images, and record its neurons' responses to the benign and adversarial images.

    Correctly classified images are attacked. Each success becomes a pair of the record, with both images,
    feature maps, activations and logits (paper, Section 5.1). Failures and wrong predictions are counted.
    Called again with the same arguments, it resumes an unfinished record, or returns a finished one.

    Parameters
    ----------
    model
        A module, or ``torchvision:NAME[?weights=...]``, ``timm:NAME[?checkpoint=FILE]``,
        ``path/to/file.py:function``.
    images
        A folder with one sub-folder per class, a flat folder, an ``.npz`` file,
        ``torchvision:CIFAR10?root=DIR``, ``path/to/file.py:function``; or a map-style data set, or an array
        ``(n, channel, y, x)``.
    labels
        ``(n,)``, for images in an array. If the images have no labels, the model's own predictions are used
        instead, and the record states this.
    out
        Path of the record, or any URL that fsspec supports.
    attack
        A `PGD` (the default, with the paper's settings, or with the budget of an entry of RobustBench),
        `FGSM` or other `Attack`; an attack of foolbox, torchattacks or ART; or a function
        ``(classifier, images, labels) -> images``.
    target
        Target class, by name or index; None for an untargeted attack.
    adversarials
        Precomputed adversarial images, instead of an attack: an ``.npz`` or ``.npy`` file, a ``.pt`` of
        torchattacks or AutoAttack, a folder with the names of the benign files, or an array.
    classes
        Name of the true label to select, or names of several, also as ``"a,b"``; None for all.
    limit
        Maximum number of images per class; None for all.
    most_attacked
        Keep only the pairs of this many most attacked classes (paper, Section 6.2.2).
    class_names
        Names of the model's outputs in order, a dict from index to name or from name to index, or a file with
        them (``.txt``, ``.csv``, ``.json``, ``.yaml``); None for those of the model or the images.
    mean, std
        Normalization of pixels in [0, 1] that a module expects.
    layers
        Dotted name of the target layer, or the module itself, or several; None to find the last one. Several
        layers are captured in one pass, and each has its own neurons. Contributions of a layer other than the
        last are gradient x activation, and its activations are the means of its feature maps.
    device, precision
        See `Classifier`; mixed precision needs an accelerator.
    image_size, resize, interpolation
        Input size of the network, size of the shorter side before the crop, and resizing filter; None for the
        model's own.
    batch_size
        Number of images per batch; None to fit it to the memory.
    seed
        Seed of random starts and projections. The same seed gives the same record.
    joint_projection
        Project both sides together instead of separately.
    overwrite
        Whether to replace a record of another run. The old one is kept until the new one is complete.
    progress
        Whether to show progress in a terminal or a notebook.

    Returns
    -------
    Record
        The finished record, open.

    Raises
    ------
    VulneuronError
        If an argument is invalid, or nothing can be analyzed.

    Examples
    --------
    >>> record = vn.analyze(model, images, labels, out="run.zarr", attack=vn.PGD(eps=16 / 255, steps=20))
    >>> record.pairs[["benign_label", "adversarial_label"]].head(2)
         benign_label adversarial_label
    pair
    0               0                 1
    1               2                 1
    """
    check_path(out)
    check_out(out, overwrite=overwrite)
    seed, image_size = checked_seed(seed), checked_size(image_size)
    resize = whole(resize, "resize", "pass --resize N, the shorter side in pixels")
    batch_size = whole(batch_size, "batch size", "omit --batch-size to fit it to the memory")
    selected = Selection(None, limit, most_attacked)
    classes, class_names = integers_as_text(classes), integers_as_text(class_names)
    check_gain(precision, resolve_device(device))
    names = None if class_names is None else as_class_names(class_names)
    loaded = load_model(model, mean=mean, std=std, class_names=names)
    preprocessing = override(
        loaded.preprocessing, image_size=image_size, resize=resize, interpolation=interpolation
    )
    source = open_images_for(loaded.module, images, preprocessing=preprocessing)
    classifier = Classifier(
        loaded.module,
        mean=loaded.mean,
        std=loaded.std,
        layers=layers,
        device=device,
        precision=precision,
        input_shape=source.shape,
    )
    labeled = choose_label_order(
        classifier, source.labeled(classifier.classes, labels=labels, class_names=loaded.class_names)
    )
    all_names = _unique(labeled.class_names or tuple(str(index) for index in range(classifier.classes)))
    classes = split_names(classes, all_names) if isinstance(classes, str) else classes
    if classes is not None:
        class_indices(classes, all_names)
    run_attack: Attack | Adversarials
    if adversarials is None:
        default = _default_attack(loaded.threat_model)
        run_attack = _attack(default if attack is None else attack, target, all_names)
    elif attack is not None or target is not None:
        raise RunError(
            "both an attack and precomputed adversarial images were given",
            allowed="one of the two",
            fix="omit the attack and its target, or --adversarials",
        )
    else:
        run_attack = load_adversarials(adversarials, source.ids, shape=source.shape)
        check_counterparts(labeled, run_attack)
    selection = replace(selected, classes=None if classes is None else tuple(map(str, classes)))
    run = Run(
        classifier=classifier,
        images=labeled,
        attack=run_attack,
        selection=selection,
        class_names=all_names,
        seed=seed,
        joint_projection=joint_projection,
        settings=settings(
            classifier=classifier,
            model=loaded,
            images=labeled,
            class_names=all_names,
            attack=run_attack,
            selection=selection,
            seed=seed,
            joint_projection=joint_projection,
            preprocessing=str(preprocessing),
        ),
        notes=(*loaded.notes, *labeled.notes, *_notes(classifier, labeled.labels is None)),
    )
    return execute(run, out, batch_size=batch_size, overwrite=overwrite, progress=progress)


def _default_attack(threat_model: ThreatModel | None) -> PGD:
    """PGD with the budget that the network was trained against, or the paper's."""
    if threat_model is None:
        return PGD()
    norm, eps = threat_model.norm, threat_model.eps
    # The paper's ratio of step size and budget.
    return PGD(norm=norm, eps=eps, step_size=eps * PGD.step_size / PGD.eps)


def _attack(attack: Any, target: str | int | None, class_names: Sequence[str]) -> Attack:
    untargeted = as_attack(attack)
    if target is None:
        return untargeted
    index = class_indices([target], class_names)[0] if isinstance(target, str) else target
    return untargeted.aimed_at(index)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names, with the class index appended to duplicates such as ImageNet's two cranes."""
    counts = Counter(names)
    return tuple(name if counts[name] == 1 else f"{name} ({index})" for index, name in enumerate(names))


def _notes(classifier: Classifier, unlabeled: bool) -> list[str]:
    notes = []
    if unlabeled:
        notes.append("The images have no labels; the model's own predictions are used instead.")
    if classifier.returns_logits_field:
        notes.append("The model returns several values; the field 'logits' is analyzed.")
    notes += [
        f"{split.layer} is not followed by a single dense layer: {split.describe()}."
        for split in classifier.splits.values()
        if split.kind != "linear"
    ]
    return notes
