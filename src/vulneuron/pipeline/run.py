"""`Run`: everything that one analysis needs, loaded and checked before anything is written."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vulneuron._version import __version__
from vulneuron.attacks import Attack
from vulneuron.errors import RunError
from vulneuron.inputs.adversarials import Adversarials
from vulneuron.inputs.checkpoints import model_digest
from vulneuron.inputs.image_source import Images
from vulneuron.inputs.loaded_model import LoadedModel
from vulneuron.network import Classifier
from vulneuron.network.batch_size import choose_batch_size
from vulneuron.network.split import Split

_FEWEST_IMAGES_A_BLOCK = 64
_PROBE_LOGITS = 10
_SEEDS = 2**32
_PROBE_TOLERANCE = 1e-2
_PACKAGES = ("torch", "torchvision", "numpy", "zarr", "xarray", "openTSNE")


@dataclass(frozen=True)
class Selection:
    """Which images are attacked, and which successes are kept.

    Attributes
    ----------
    classes
        Names of the true labels to keep; all when None.
    limit
        Images of a class to keep, the first ones of the source; all when None.
    most_attacked
        Keep the pairs of this many most attacked classes (paper, Section 6.2.2); all when None.
    """

    classes: tuple[str, ...] | None = None
    limit: int | None = None
    most_attacked: int | None = None

    def __post_init__(self) -> None:
        for value, what, option in (
            (self.limit, "limit", "--limit N, images a class"),
            (self.most_attacked, "number of most attacked classes", "--most-attacked N"),
        ):
            if value is not None and value < 1:
                raise RunError(
                    f"the {what} is {value}", allowed="a whole number from 1", fix=f"give {option}"
                )


@dataclass(frozen=True)
class Run:
    """A classifier, images, and an attack (or adversarial images made elsewhere), ready to start.

    Attributes
    ----------
    settings
        All that decides the result, as JSON values. A record goes on only with equal settings.
    notes
        What a user should know, a sentence each.
    """

    classifier: Classifier
    images: Images
    attack: Attack | Adversarials
    selection: Selection
    class_names: tuple[str, ...]
    seed: int
    joint_projection: bool
    settings: Mapping[str, Any]
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.seed < _SEEDS:
            raise RunError(
                f"the seed is {self.seed}",
                allowed=f"a whole number from 0 to {_SEEDS - 1}",
                fix="give --seed 0",
            )

    @property
    def target(self) -> int | None:
        """Label that the attack aims at, or None."""
        return self.attack.target if isinstance(self.attack, Attack) else None

    def seeds(self, positions: npt.NDArray[np.int64]) -> list[int]:
        """One seed for each image, from the run's seed and the image's position in the source."""
        sequences = (np.random.SeedSequence((self.seed, int(position))) for position in positions)
        return [int(sequence.generate_state(1)[0]) for sequence in sequences]

    def images_per_block(self, batch_size: int) -> int:
        """Images between two saves: whole batches, and not so few that a record falls into many files."""
        return batch_size * max(1, -(-_FEWEST_IMAGES_A_BLOCK // batch_size))

    def attributes(self, batch_size: int) -> dict[str, Any]:
        """Attributes of the record of this run."""
        return {
            "run": dict(self.settings),
            "batch_size": batch_size,
            "class_names": list(self.class_names),
            "image_shape": list(self.classifier.input_shape),
            "notes": list(self.notes),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "device": str(self.classifier.device),
        }

    def layers(self) -> dict[str, dict[str, Any]]:
        """Target layers of the record by name, in the order in which the network runs them."""
        return {layer: _describe_layer(split) for layer, split in self.classifier.splits.items()}


def _describe_layer(split: Split) -> dict[str, Any]:
    return {
        "layer": split.layer,
        "neurons": split.neurons,
        "map_shape": list(split.map_shape),
        "head": {"kind": split.kind, "pool": split.pool, "description": split.describe()},
        "activation": split.activation_meaning,
        "contribution": split.contribution_meaning,
        "split_error": split.error,
    }


def settings(
    *,
    classifier: Classifier,
    model: LoadedModel,
    images: Images,
    class_names: Sequence[str],
    attack: Attack | Adversarials,
    selection: Selection,
    seed: int,
    joint_projection: bool,
    preprocessing: str,
) -> dict[str, Any]:
    """All that decides the result of a run, as JSON values."""
    return {
        "model": {
            "spec": model.spec,
            "digest": model_digest(model.module),
            "architecture": hashlib.sha256(repr(model.module).encode()).hexdigest(),
            "probe": _probe_logits(classifier),
            "mean": None if model.mean is None else list(model.mean),
            "std": None if model.std is None else list(model.std),
            "layers": list(classifier.layers),
            "precision": classifier.precision,
            "device": classifier.device.type,
        },
        "images": {
            "spec": images.spec,
            "fingerprint": images.fingerprint,
            "count": len(images),
            "preprocessing": preprocessing,
            "labels": "given" if images.labels is not None else "the model's own predictions",
        },
        "class_names": list(class_names),
        "attack": describe_attack(attack),
        "selection": {
            "classes": None if selection.classes is None else list(selection.classes),
            "limit": selection.limit,
            "most_attacked": selection.most_attacked,
        },
        "seed": seed,
        "projection": "joint" if joint_projection else "one map a side",
    }


def _probe_logits(classifier: Classifier) -> list[float]:
    noise = torch.rand(1, *classifier.input_shape, generator=torch.Generator().manual_seed(0))
    logits: list[float] = classifier.logits(noise)[0, :_PROBE_LOGITS].tolist()
    return logits


def describe_attack(attack: Attack | Adversarials) -> dict[str, Any]:
    """Name and parameters of an attack, or the source of adversarial images, as JSON values."""
    if isinstance(attack, Attack):
        return {"name": attack.name, **attack.parameters()}
    return {"name": "imported", "spec": attack.spec, "fingerprint": attack.fingerprint}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    installed = {name: metadata.version(name) for name in _PACKAGES}
    return {"vulneuron": __version__, "python": platform.python_version(), **installed}


def difference(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> str | None:
    """Say in words where two settings differ first; None if they are equal.

    How model and images were named does not count: their digest and fingerprint do.
    """
    for key in sorted({*old, *new} - {"spec"}):
        there, here = old.get(key), new.get(key)
        if key == "probe" and there is not None and here is not None:
            # Logits of noise tell two forward methods apart whose weights are the same.
            if not np.allclose(
                there, here, rtol=_PROBE_TOLERANCE, atol=_PROBE_TOLERANCE * np.abs(there).max()
            ):
                return f"{prefix}gives other logits there than here"
            continue
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            inner = difference(there, here, f"{prefix}{key} ")
            if inner is not None:
                return inner
        elif there != here:
            return f"{prefix}{key} is {_short(there)} there and {_short(here)} here"
    return None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:18] + "..." + text[-18:]


def checked_batch_size(batch_size: int | None, classifier: Classifier) -> int:
    """Batch size that the user gave, or one that fits the memory."""
    if batch_size is None:
        return choose_batch_size(classifier)
    if batch_size < 1:
        raise RunError(
            f"the batch size is {batch_size}",
            allowed="a whole number from 1",
            fix="leave --batch-size out to have it fitted to the memory",
        )
    return batch_size
