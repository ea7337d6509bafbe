"""Loading of a record's network, with a check that it is the network of the run."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from vulneuron.errors import MeasureError, ModelError
from vulneuron.inputs.models import load_model
from vulneuron.measures.sides import SIDES
from vulneuron.network import Classifier
from vulneuron.record import Record, open_record

#: Devices, libraries and mixed precision change sums by less than this; another network differs by much more.
_TOLERANCE = 1e-2


def load_classifier(
    record: Record | str | Path, model: str | nn.Module | None = None, *, device: str = "auto"
) -> Classifier:
    """Load the network of a record's run.

    Parameters
    ----------
    record
        A finished record, or its path.
    model
        The network, as for `vulneuron.analyze`; None for the one named in the record.
    device
        See `Classifier`.

    Raises
    ------
    ModelError
        If it cannot be loaded, or its logits for the first pair differ from those in the record.
    """
    record = record if isinstance(record, Record) else open_record(record)
    settings = record.attributes["run"]["model"]
    try:
        loaded = load_model(model or settings["spec"], mean=settings["mean"], std=settings["std"])
    except ModelError as error:
        if model is not None:
            raise
        raise ModelError(
            f"the record's model {settings['spec']!r} cannot be loaded again ({error.given})",
            allowed="the model that the record was made with",
            fix="name it with --model, or pass a classifier to Analysis",
        ) from error
    channels, height, width = record.attributes["image_shape"]
    classifier = Classifier(
        loaded.module,
        mean=loaded.mean,
        std=loaded.std,
        layers=settings["layers"],
        device=device,
        input_shape=(channels, height, width),
        copy=not loaded.fresh,
    )
    check_classifier(record, classifier)
    return classifier


def check_classifier(record: Record, classifier: Classifier) -> None:
    """Reject a classifier whose logits for the first pair differ from those in the record.

    Raises
    ------
    ModelError
        If the largest difference exceeds a hundredth of the largest logit.
    """
    if not isinstance(classifier, Classifier):
        raise ModelError(
            f"given {type(classifier).__name__} as the classifier",
            allowed="a vulneuron.Classifier",
            fix="use vulneuron.load_classifier(record)",
        )
    images = np.stack([record.images(0, side) for side in SIDES])
    stored = record.dataset["logit"][0].values
    if (classifier.input_shape, classifier.classes) != (images.shape[1:], stored.shape[1]):
        raise ModelError(
            f"the model has {classifier.classes} classes for images {tuple(classifier.input_shape)}",
            allowed=f"that of the record: {stored.shape[1]} classes for images {images.shape[1:]}",
            fix="use the model that the record was made with",
        )
    logits = classifier.logits(torch.from_numpy(images)).numpy(force=True)
    error = np.abs(logits - stored).max() / np.abs(stored).max()
    if not error <= _TOLERANCE:
        raise ModelError(
            "the model's logits for the first pair differ from those in the record "
            f"(relative difference {error:.1e})",
            allowed="the model that the record was made with",
            fix="check the weights, and --mean and --std",
        )


class Network:
    """The network of a record's run, needed for values that the record does not contain.

    Parameters
    ----------
    record
        A finished record.
    classifier
        Its network; None if it is missing or will be attached later.

    Raises
    ------
    ModelError
        If the classifier is not the network of the record's run.
    """

    def __init__(self, record: Record, classifier: Classifier | None = None) -> None:
        self._record = record
        self._classifier: Classifier | None = None
        if classifier is not None:
            self.attach(classifier)

    @property
    def classifier(self) -> Classifier | None:
        """The network; None while it is missing."""
        return self._classifier

    @property
    def ready(self) -> bool:
        """Whether the network is attached."""
        return self._classifier is not None

    def attach(self, classifier: Classifier) -> None:
        """Set the network.

        Raises
        ------
        ModelError
            If it is not the network of the record's run.
        """
        check_classifier(self._record, classifier)
        self._classifier = classifier

    def require(self, purpose: str, layer: str | None = None) -> Classifier:
        """Return the network, or raise an error that names the purpose.

        Parameters
        ----------
        purpose
            Subject of the error message, such as "computing vulnerability maps".
        layer
            The target layer to select; None if it does not matter.

        Raises
        ------
        MeasureError
            If it is missing.
        ModelError
            If the classifier does not have this target layer.
        """
        if self._classifier is None:
            raise MeasureError(
                f"{purpose} needs the network, which the record does not contain",
                allowed="an Analysis with the network that made the record",
                fix="use Analysis(record, vulneuron.load_classifier(record))",
            )
        return self._classifier if layer is None else self._classifier.at(layer)
