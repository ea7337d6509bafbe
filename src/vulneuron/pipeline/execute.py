"""Executes a run: attack, capture, project. Each phase can be interrupted at any point and resumed."""

import os

import numpy as np

from vulneuron.errors import NothingToAnalyzeError, RecordError, VulneuronError
from vulneuron.inputs.adversarials import Adversarials
from vulneuron.measures.projection import project
from vulneuron.pipeline.attacking import attack_images, predicted_labels
from vulneuron.pipeline.capturing import capture_pairs
from vulneuron.pipeline.progress import RunProgress
from vulneuron.pipeline.run import Run, checked_batch_size, difference
from vulneuron.pipeline.selection import class_indices, most_attacked, select_images
from vulneuron.record import (
    Outcome,
    Phase,
    Record,
    RecordWriter,
    create_record,
    open_record,
    record_lock,
    remove_record,
    resume_record,
)
from vulneuron.record.location import is_free, was_record
from vulneuron.record.schema import ADVERSARIAL, BENIGN
from vulneuron.record.store import open_group


def execute(
    run: Run,
    out: str | os.PathLike[str],
    *,
    batch_size: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Record:
    """Execute a run and return its record.

    An unfinished record of the same run is resumed, and a finished one is returned unchanged. A run without
    anything to analyze leaves no record.

    Parameters
    ----------
    run
        The run.
    out
        Path of the record, existing or not.
    batch_size
        Number of images per batch; None to fit it to the memory. A resumed run keeps its batch size, so it
        gives the same numbers.
    overwrite
        Whether to replace a record of another run, or a finished one. An unfinished record of this run is
        still resumed.
    progress
        Whether to show progress in a terminal or a notebook.

    Raises
    ------
    RecordError
        If `out` exists and is not a record, or the disk is full.
    RunError
        If no image is classified correctly, or no attack succeeds.
    """
    with record_lock(out), RunProgress(show=progress) as bars:
        existing = _existing(run, out, overwrite=overwrite)
        if isinstance(existing, Record):
            return existing
        writer = existing or _create(run, out, batch_size, bars)
        try:
            if writer.phase is Phase.ATTACK:
                attack_images(run, writer, bars)
                _begin_pairs(run, writer)
        except VulneuronError as error:
            # Delete a record without results; keep one that can be resumed.
            if isinstance(error, NothingToAnalyzeError) or not writer.run_table("outcome").any():
                remove_record(out)
            raise
        capture_pairs(run, writer, bars)
        return _finish(run, writer, bars)


def check_out(out: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Reject an existing path that is not a record, before any expensive work."""
    if is_free(out) or (overwrite and was_record(out)):
        return
    try:
        open_group(out)
    except RecordError as error:
        raise RecordError(
            f"{str(out)!r} exists and is not a record that can be resumed ({error.given})",
            allowed="a path that does not exist, or an unfinished record of the same run",
            fix="choose another --out",
        ) from error


def _existing(run: Run, out: str | os.PathLike[str], *, overwrite: bool) -> Record | RecordWriter | None:
    """The finished record, a writer to resume the unfinished one, or None to create a new one."""
    check_out(out, overwrite=overwrite)
    if is_free(out):
        return None
    try:
        record = open_record(out)
    except RecordError:
        if overwrite:
            return None
        raise
    changed = difference(record.attributes["run"], run.settings)
    if changed is not None and not overwrite:
        raise RecordError(
            f"record {str(out)!r} contains a different run: {changed}",
            allowed="the same run, to resume it",
            fix="choose another --out, or replace it with --overwrite",
        )
    if changed is not None or record.attributes["phase"] == Phase.CREATE:
        return None
    if record.complete:
        return None if overwrite else record
    return resume_record(out)


def _create(run: Run, out: str | os.PathLike[str], batch_size: int | None, bars: RunProgress) -> RecordWriter:
    batch = checked_batch_size(batch_size, run.classifier)
    labels = run.images.labels
    if labels is None:
        labels = predicted_labels(run, batch, bars)
    classes = run.selection.classes
    chosen = None if classes is None else class_indices(classes, run.class_names)
    positions = select_images(labels, chosen, run.selection.limit)
    # Find damaged files before hours are spent on attacking the others.
    run.images.check(positions)
    if isinstance(run.attack, Adversarials):
        run.attack.check(positions)
    columns = {
        "image_id": np.array([run.images.ids[i] for i in positions], dtype=object),
        "image_index": positions,
        "true_label": labels[positions],
    }
    return create_record(out, run.attributes(batch), run.layers(), columns, run.images_per_block(batch))


def _begin_pairs(run: Run, writer: RecordWriter) -> None:
    outcome = writer.run_table("outcome")
    if (outcome == Outcome.WRONG).all():
        raise NothingToAnalyzeError(
            f"the model classifies none of the {len(outcome)} images correctly",
            allowed="at least one correct prediction",
            fix="check the class order (--class-names), the normalization (--mean, --std) and the weights",
        )
    rows = np.flatnonzero(outcome == Outcome.SUCCESS)
    if not len(rows):
        attacked = int((outcome == Outcome.RESISTED).sum())
        raise NothingToAnalyzeError(
            f"the attack succeeds on none of the {attacked} attacked images",
            allowed="at least one success",
            fix="try a larger --eps or more --steps, or another --attack",
        )
    if run.selection.most_attacked is not None:
        benign, adversarial = (
            writer.run_table("true_label")[rows],
            writer.run_table("adversarial_label")[rows],
        )
        rows = rows[most_attacked(benign, adversarial, run.selection.most_attacked)]
    views = {layer: run.classifier.at(layer) for layer in run.classifier.layers}
    dense_layers = {
        layer: {"weight": view.weights.cpu().numpy(), "bias": view.bias.cpu().numpy()}
        for layer, view in views.items()
        if view.weights is not None and view.bias is not None
    }
    writer.begin_pairs(rows, dense_layers)


def _finish(run: Run, writer: RecordWriter, bars: RunProgress) -> Record:
    bars.begin("Projecting activations", len(writer.layers))
    projections = {}
    for layer in writer.layers:
        activations = writer.read_pairs("activation", layer)
        benign, adversarial = activations[:, BENIGN], activations[:, ADVERSARIAL]
        projections[layer] = project(benign, adversarial, seed=run.seed, joint=run.joint_projection)
        bars.advance(1)
    labels = len(np.unique(writer.read_pairs("benign_label")))
    return writer.finish(projections, {"counts": _counts(run, writer), "benign_label_count": labels})


def _counts(run: Run, writer: RecordWriter) -> dict[str, int | float | None]:
    """Counts and rates of the whole run; a rate is None if its denominator is 0 or it is meaningless.

    Accuracies are meaningless for images without labels, because their labels are the predictions. Robust
    accuracy is the fraction of images that are still classified correctly after the attack, including images
    that were not attacked because their label is the target.
    """
    outcome = writer.run_table("outcome")
    images, successes = len(outcome), int((outcome == Outcome.SUCCESS).sum())
    correct = images - int((outcome == Outcome.WRONG).sum())
    attacked = successes + int((outcome == Outcome.RESISTED).sum())
    # A targeted attack may miss its target and still cause a wrong prediction.
    withstood = (outcome == Outcome.RESISTED) & (
        writer.run_table("adversarial_label") == writer.run_table("true_label")
    )
    robust = int(withstood.sum()) + int((outcome == Outcome.EXEMPT).sum())
    labeled = run.images.labels is not None
    return {
        "pairs": len(writer.pair_rows()),
        "images": images,
        "correct": correct,
        "attacked": attacked,
        "successes": successes,
        "clean_accuracy": correct / images if labeled else None,
        "attack_success_rate": successes / attacked if attacked else None,
        "robust_accuracy": robust / images if labeled else None,
        "survive_8bit": int(writer.run_table("survives_8bit").sum()),
    }
