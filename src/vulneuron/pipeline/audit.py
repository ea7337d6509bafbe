"""Audit of a run: signs that the attack fails for reasons other than a robust network.

The flags follow AutoAttack (Croce and Hein 2020, https://arxiv.org/abs/2003.01690), whose authors found
most overestimated robustness to come from vanishing gradients and random outputs.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.attacks.base import Goal
from vulneuron.network import Classifier
from vulneuron.network.batch_size import in_batches
from vulneuron.pipeline.run import Run
from vulneuron.record import Outcome, RecordWriter
from vulneuron.record.schema import to_pixels, to_stored

#: Number of attacked images whose gradients and outputs are checked.
SAMPLE = 32
#: Largest difference of an image's logits in two passes, relative to its largest logit.
_SAME_OUTPUT = 1e-5
#: Fraction of the successes that may vanish at 8 bits without a flag.
_LOST = 0.1

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Audit:
    """Counts behind the flags of a run.

    Attributes
    ----------
    checked
        Number of attacked images whose gradients and outputs were checked.
    zero_gradients
        Those of them on which all gradients of the attack's loss are exactly zero, or not finite.
    random_outputs
        Those of them whose logits differ between two passes.
    probabilities
        Whether the model returns probabilities or their logarithms; its logits are attacked.
    attacked
        Number of attacked images.
    unchanged
        Those of them that the attack returned unchanged or blank, which count as failures.
    successes
        Number of successes.
    lost_in_8bit
        Those of them that vanish when the adversarial image is rounded to 8 bits.
    """

    checked: int
    zero_gradients: int
    random_outputs: int
    probabilities: bool
    attacked: int
    unchanged: int
    successes: int
    lost_in_8bit: int

    @property
    def flags(self) -> list[str]:
        """One sentence per sign that the rates of the run may be misleading."""
        flags = []
        if self.zero_gradients:
            flags.append(
                f"The gradients are exactly zero or not finite on {self.zero_gradients} of {self.checked} "
                "images: gradient-based attacks fail there, whether the network is robust or not."
            )
        if self.random_outputs:
            flags.append(
                f"The outputs are random on {self.random_outputs} of {self.checked} images: two passes over "
                "an image differ, so rates vary from run to run."
            )
        if self.probabilities:
            flags.append(
                "The model returns probabilities or their logarithms; its logits, before the softmax, are "
                "attacked and analyzed."
            )
        if self.unchanged:
            flags.append(
                f"The attack returned {self.unchanged:,} of {self.attacked:,} images unchanged or blank; "
                "they count as failures."
            )
        if self.lost_in_8bit > _LOST * self.successes:
            flags.append(
                f"{self.lost_in_8bit:,} of {self.successes:,} successes vanish when the adversarial image is "
                "rounded to 8 bits, as in an image file."
            )
        return flags

    def attributes(self) -> dict[str, Any]:
        """Counts and flags, as JSON values for the record."""
        return {**asdict(self), "flags": self.flags}


def audit(run: Run, writer: RecordWriter) -> Audit:
    """Audit a run whose images have been attacked."""
    outcome, norms = writer.run_table("outcome"), writer.run_table("perturbation_linf")
    attacked = np.isin(outcome, (Outcome.RESISTED, Outcome.SUCCESS))
    success = outcome == Outcome.SUCCESS
    rows = np.flatnonzero(attacked)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64))]
    stored = to_stored(run.images.load(writer.run_table("image_index")[rows]))
    images, labels = torch.from_numpy(to_pixels(stored)), writer.run_table("true_label")[rows]
    goal = Goal(torch.from_numpy(labels.astype(np.int64)), run.target)
    batch_size = int(writer.attributes["batch_size"])
    return Audit(
        checked=len(rows),
        zero_gradients=int((~_usable_gradients(run.classifier, images, goal, batch_size)).sum()),
        random_outputs=int(_random_outputs(run.classifier, images, batch_size).sum()),
        probabilities=run.classifier.returns_probabilities,
        attacked=int(attacked.sum()),
        unchanged=int((attacked & ~success & (norms == 0)).sum()),
        successes=int(success.sum()),
        lost_in_8bit=int((success & ~writer.run_table("survives_8bit")).sum()),
    )


def _usable_gradients(classifier: Classifier, images: Tensor, goal: Goal, batch_size: int) -> Tensor:
    """Whether each image has finite gradients, not all of which are zero."""

    def batch(rows: slice) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = images[rows].clone().to(classifier.device).requires_grad_()
            loss = Goal(goal.labels[rows].to(classifier.device), goal.target).loss(classifier(leaf)).sum()
            (gradient,) = torch.autograd.grad(loss, leaf)
        gradient = gradient.flatten(1)
        return (gradient.isfinite().all(1) & (gradient != 0).any(1)).cpu()

    return torch.cat(in_batches(batch, len(images), batch_size))


def _random_outputs(classifier: Classifier, images: Tensor, batch_size: int) -> Tensor:
    """Whether the logits of each image differ between two passes over the same batch."""

    def batch(rows: slice) -> Tensor:
        first, second = (classifier.logits(images[rows]) for _ in range(2))
        return ((first - second).abs().amax(1) > _SAME_OUTPUT * first.abs().amax(1)).cpu()

    return torch.cat(in_batches(batch, len(images), batch_size))
