"""`analyze`: the one call that makes a record."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from vulneuron.attacks import PGD, Attack, as_attack
from vulneuron.errors import RunError
from vulneuron.inputs.adversarials import Adversarials, load_adversarials
from vulneuron.inputs.class_names import parse_class_names
from vulneuron.inputs.images import open_images
from vulneuron.inputs.models import load_model
from vulneuron.inputs.preprocessing import Interpolation, override
from vulneuron.network import Classifier, expected_channels
from vulneuron.network.devices import Precision
from vulneuron.pipeline.execute import check_out, execute
from vulneuron.pipeline.run import Run, Selection, settings
from vulneuron.pipeline.selection import class_indices
from vulneuron.record import Record


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
    class_names: str | Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    layers: str | Sequence[str] | None = None,
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
    """Attack a classifier's images and record what its neurons did before and after.

    Images that the model predicts right are attacked; each success is a pair of the record, with both images,
    feature maps, activations and logits (paper, Section 5.1). Failures and wrong predictions are counted.
    Called again with the same arguments, it goes on with an unfinished record, and returns a finished one.

    Parameters
    ----------
    model
        A module, or ``torchvision:NAME[?weights=...]``, ``timm:NAME[?checkpoint=FILE]``,
        ``path/to/file.py:function``.
    images
        A folder with a sub-folder a class, a flat folder, an ``.npz`` file, ``torchvision:CIFAR10?root=DIR``,
        ``path/to/file.py:function``; or a map-style data set, or an array ``(n, channel, y, x)``.
    labels
        ``(n,)``, for images that are an array. Without any labels the model's own predictions are taken, and
        the record says so.
    out
        Where to write the record: a path, or any URL that fsspec opens.
    attack
        A `PGD` (the default, with the paper's settings), `FGSM` or other `Attack`; an attack of foolbox,
        torchattacks or ART; or a function ``(classifier, images, labels) -> images``.
    target
        Class, by name or index, that every image shall be predicted as; any wrong one when None.
    adversarials
        Adversarial images made elsewhere, in place of an attack: ``.npz``, torchattacks' ``.pt``, a folder
        with the names of the benign files, or an array.
    classes
        True labels to take: a name, or several; all when None.
    limit
        Images of a class to take; all when None.
    most_attacked
        Keep the pairs of this many most attacked classes only (paper, Section 6.2.2).
    class_names
        Names of the model's outputs in order, or a file with them; from model or images when None.
    mean, std
        Normalization that a bare module expects of pixels in [0, 1].
    layers
        Dotted name of the target layer, or names of several; found when None. Several are captured in one
        pass, and each has its own neurons. Contributions of a layer that is not the last are gradient x
        activation, and its activations are the means of its feature maps.
    device, precision
        See `Classifier`.
    image_size, resize, interpolation
        Size that the network reads, size of the shorter side before the crop, and filter; the model's own
        when None.
    batch_size
        Images that go through the network at once; fitted to the memory when None.
    seed
        Of random starts and projections. Same seed, same record.
    joint_projection
        Project both sides into one map instead of one each.
    overwrite
        Whether to replace a record of another run.
    progress
        Whether to show progress where there is a terminal or a notebook.

    Returns
    -------
    Record
        The finished record, open.

    Raises
    ------
    VulneuronError
        In one line: what was given, what is allowed, what to do next.

    Examples
    --------
    >>> record = vn.analyze(model, images, labels, out="run.zarr", attack=vn.PGD(eps=16 / 255, steps=20))
    >>> record.pairs[["benign_label", "adversarial_label"]].head(2)
         benign_label adversarial_label
    pair
    0               0                 1
    1               2                 1
    """
    check_out(out, overwrite=overwrite)
    classes = [classes] if isinstance(classes, str) else classes
    names = parse_class_names(class_names) if isinstance(class_names, str) else class_names
    loaded = load_model(model, mean=mean, std=std, class_names=names)
    preprocessing = override(
        loaded.preprocessing, image_size=image_size, resize=resize, interpolation=interpolation
    )
    source = open_images(images, channels=expected_channels(loaded.module), preprocessing=preprocessing)
    classifier = Classifier(
        loaded.module,
        mean=loaded.mean,
        std=loaded.std,
        layers=layers,
        device=device,
        precision=precision,
        input_shape=source.shape,
    )
    labeled = source.labeled(classifier.classes, labels=labels, class_names=loaded.class_names)
    all_names = _unique(labeled.class_names or tuple(str(index) for index in range(classifier.classes)))
    if classes is not None:
        class_indices(classes, all_names)
    made: Attack | Adversarials
    if adversarials is None:
        made = _attack(attack, target, all_names)
    elif attack is not None or target is not None:
        raise RunError(
            "both an attack and adversarial images made elsewhere were given",
            allowed="one of the two",
            fix="leave the attack and its target out, or --adversarials",
        )
    else:
        made = load_adversarials(adversarials, source.ids, shape=source.shape)
    selection = Selection(None if classes is None else tuple(classes), limit, most_attacked)
    run = Run(
        classifier=classifier,
        images=labeled,
        attack=made,
        selection=selection,
        class_names=all_names,
        seed=seed,
        joint_projection=joint_projection,
        settings=settings(
            classifier=classifier,
            model=loaded,
            images=labeled,
            class_names=all_names,
            attack=made,
            selection=selection,
            seed=seed,
            joint_projection=joint_projection,
            preprocessing=str(preprocessing),
        ),
        notes=(*loaded.notes, *_notes(classifier, labeled.labels is None)),
    )
    return execute(run, out, batch_size=batch_size, overwrite=overwrite, progress=progress)


def _attack(attack: Any, target: str | int | None, class_names: Sequence[str]) -> Attack:
    made = as_attack(PGD() if attack is None else attack)
    if target is None:
        return made
    index = class_indices([target], class_names)[0] if isinstance(target, str) else target
    return made.aimed_at(index)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names with the index behind those that stand for several classes, as ImageNet's two cranes."""
    counts = Counter(names)
    return tuple(name if counts[name] == 1 else f"{name} ({index})" for index, name in enumerate(names))


def _notes(classifier: Classifier, unlabeled: bool) -> list[str]:
    notes = []
    if unlabeled:
        notes.append("The images have no labels: the model's own predictions stand for them.")
    outputs = classifier.logits(
        torch.rand(2, *classifier.input_shape, generator=torch.Generator().manual_seed(0))
    )
    if outputs.min() >= 0 and torch.allclose(outputs.sum(1), torch.ones(2, device=outputs.device), atol=1e-3):
        notes.append("The outputs look like probabilities, not logits: let the model end before its softmax.")
    notes += [
        f"No single dense layer reads {split.layer}: {split.describe()}."
        for split in classifier.splits.values()
        if split.kind != "linear"
    ]
    return notes
