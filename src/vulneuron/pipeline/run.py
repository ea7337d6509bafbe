"""`Run`: all inputs of a run, loaded and checked before anything is written."""

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
from vulneuron.inputs.adversarials import Adversarials
from vulneuron.inputs.checkpoints import model_digest
from vulneuron.inputs.image_source import Images
from vulneuron.inputs.loaded_model import LoadedModel
from vulneuron.network import Classifier
from vulneuron.network.batch_size import choose_batch_size
from vulneuron.network.split import Split
from vulneuron.pipeline.arguments import whole

_MIN_IMAGES_PER_BLOCK = 64
_PROBE_LOGITS = 10
_PROBE_TOLERANCE = 1e-2
#: Those of `_PACKAGES` whose sums decide results.
_NUMERIC_PACKAGES = ("torch", "numpy")
_PACKAGES = ("torch", "torchvision", "numpy", "zarr", "xarray", "openTSNE")


@dataclass(frozen=True)
class Selection:
    """Selection of the images to attack, and of the successes to keep.

    Attributes
    ----------
    classes
        Names of the true labels to select; None for all.
    limit
        Maximum number of images per class, the first ones of the source; None for all.
    most_attacked
        Keep only the pairs of this many most attacked classes (paper, Section 6.2.2); None for all.
    """

    classes: tuple[str, ...] | None = None
    limit: int | None = None
    most_attacked: int | None = None

    def __post_init__(self) -> None:
        for field, name, option in (
            ("limit", "limit", "pass --limit N, images per class"),
            ("most_attacked", "number of most attacked classes", "pass --most-attacked N"),
        ):
            # Frozen dataclasses set fields this way in __post_init__.
            object.__setattr__(self, field, whole(getattr(self, field), name, option))


@dataclass(frozen=True)
class Run:
    """A classifier, images, and an attack (or precomputed adversarial images), ready to start.

    Attributes
    ----------
    settings
        Everything that determines the result, as JSON values. A record is resumed only with equal settings.
    notes
        Remarks for the user, one sentence each.
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

    @property
    def target(self) -> int | None:
        """Target label of the attack; None if it is untargeted."""
        return self.attack.target if isinstance(self.attack, Attack) else None

    def seeds(self, positions: npt.NDArray[np.int64]) -> list[int]:
        """One seed per image, from the run's seed and the image's position in the source."""
        sequences = (np.random.SeedSequence((self.seed, int(position))) for position in positions)
        return [int(sequence.generate_state(1)[0]) for sequence in sequences]

    def images_per_block(self, batch_size: int) -> int:
        """Images between two saves: whole batches, but enough images that the files are not too many."""
        return batch_size * max(1, -(-_MIN_IMAGES_PER_BLOCK // batch_size))

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
            "threads": torch.get_num_threads(),
        }

    def resumption_notes(self, attributes: Mapping[str, Any]) -> list[str]:
        """Notes about what changes sums since a run was started, and is not a setting of it.

        Parameters
        ----------
        attributes
            Those of the unfinished record.
        """
        now = self.attributes(int(attributes["batch_size"]))
        changes = [
            (f"{package} {old}", f"{package} {now['versions'].get(package, 'missing')}")
            for package, old in attributes["versions"].items()
            if package in _NUMERIC_PACKAGES
        ]
        if self.classifier.device.type == "cpu":
            changes.append((f"{attributes['threads']} threads", f"{now['threads']} threads"))
        return [
            f"The run was started with {before} and resumed with {after}: sums may differ in their last bits."
            for before, after in changes
            if before != after
        ]

    def layers(self) -> dict[str, dict[str, Any]]:
        """Descriptions of the target layers by name, in the order of the forward pass."""
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
    """Everything that determines the result of a run, as JSON values."""
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
            "labels": "labels of the images" if images.labels is not None else "the model's own predictions",
        },
        "class_names": list(class_names),
        "attack": describe_attack(attack),
        "selection": {
            "classes": None if selection.classes is None else list(selection.classes),
            "limit": selection.limit,
            "most_attacked": selection.most_attacked,
        },
        "seed": seed,
        "projection": "joint" if joint_projection else "separate",
    }


def _probe_logits(classifier: Classifier) -> list[float]:
    shape, generator = (1, *classifier.input_shape), torch.Generator().manual_seed(0)
    noise = torch.rand(shape, generator=generator, dtype=torch.float32)
    logits: list[float] = classifier.logits(noise)[0, :_PROBE_LOGITS].tolist()
    return logits


def describe_attack(attack: Attack | Adversarials) -> dict[str, Any]:
    """Name and parameters of an attack, or the source of adversarial images, as JSON values."""
    if isinstance(attack, Attack):
        return {"name": attack.name, **attack.parameters()}
    return {"name": "imported", "spec": attack.spec, "fingerprint": attack.fingerprint}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect results."""
    installed = {name: metadata.version(name) for name in _PACKAGES}
    return {"vulneuron": __version__, "python": platform.python_version(), **installed}


def difference(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> str | None:
    """Describe the first difference between two settings; None if they are equal.

    The specs of model and images are ignored, because their digest and fingerprint are compared.
    """
    for key in sorted({*old, *new} - {"spec"}):
        before, now = old.get(key), new.get(key)
        if key == "probe" and before is not None and now is not None:
            # Logits of noise distinguish forward methods with the same weights.
            if not np.allclose(
                before, now, rtol=_PROBE_TOLERANCE, atol=_PROBE_TOLERANCE * np.abs(before).max()
            ):
                return f"{prefix}logits differ from those of the record"
            continue
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            nested = difference(before, now, f"{prefix}{key} ")
            if nested is not None:
                return nested
        elif before != now:
            return f"{prefix}{key} is {_short(before)} in the record and {_short(now)} now"
    return None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:18] + "..." + text[-18:]


def checked_batch_size(batch_size: int | None, classifier: Classifier) -> int:
    """The user's batch size, or one that is fitted to the memory."""
    if batch_size is None:
        return choose_batch_size(classifier)
    return whole(batch_size, "batch size", "omit --batch-size to fit it to the memory")
