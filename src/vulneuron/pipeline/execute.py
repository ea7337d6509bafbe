"""From a run to its record: attack, capture, project. Each phase can stop anywhere and go on later."""

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
from vulneuron.record.schema import ADVERSARIAL, BENIGN
from vulneuron.record.store import is_free, open_group, was_record


def execute(
    run: Run,
    out: str | os.PathLike[str],
    *,
    batch_size: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Record:
    """Bring a run to its end and return its record.

    An unfinished record of the same run goes on where it stopped, and a finished one is returned as it is. A
    run that has nothing to analyze leaves no record behind.

    Parameters
    ----------
    run
        What to do.
    out
        Where the record is, or shall be.
    batch_size
        Images that go through the network at once; fitted to the memory when None. A resumed run keeps the
        batch size it began with, so that it gives the same numbers.
    overwrite
        Whether to replace a record of another run, or a finished one. An unfinished one of this run goes on.
    progress
        Whether to show progress where there is a terminal or a notebook.

    Raises
    ------
    RecordError
        If something else is at `out`, or the disk is full.
    RunError
        If no image is predicted right, or no attack succeeds.
    """
    with record_lock(out), RunProgress(show=progress) as bars:
        found = _existing(run, out, overwrite=overwrite)
        if isinstance(found, Record):
            return found
        writer = found or _create(run, out, batch_size, bars)
        try:
            if writer.phase is Phase.ATTACK:
                attack_images(run, writer, bars)
                _begin_pairs(run, writer)
        except VulneuronError as error:
            # A run that cannot give a record leaves none; one that has got somewhere can go on.
            if isinstance(error, NothingToAnalyzeError) or not writer.run_table("outcome").any():
                remove_record(out)
            raise
        capture_pairs(run, writer, bars)
        return _finish(run, writer, bars)


def check_out(out: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse a path where something else than a record is, before anything costly is done."""
    if is_free(out) or (overwrite and was_record(out)):
        return
    try:
        open_group(out)
    except RecordError as error:
        raise RecordError(
            f"{str(out)!r} exists and cannot be taken for a record to go on with ({error.given})",
            allowed="a path where nothing is, or an unfinished record of the same run",
            fix="choose another --out",
        ) from error


def _existing(run: Run, out: str | os.PathLike[str], *, overwrite: bool) -> Record | RecordWriter | None:
    """The finished record, the unfinished one to go on with, or None if a new one is to be created."""
    check_out(out, overwrite=overwrite)
    if is_free(out):
        return None
    try:
        record = open_record(out)
    except RecordError:
        if overwrite:
            return None
        raise
    other = difference(record.attributes["run"], run.settings)
    if other is not None and not overwrite:
        raise RecordError(
            f"record {str(out)!r} holds another run: {other}",
            allowed="the same run, to go on with it",
            fix="choose another --out, or replace it with --overwrite",
        )
    if other is not None or record.attributes["phase"] == Phase.CREATE:
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
    # A damaged file had better be found before hours go into attacking the others.
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
            f"the model predicts none of the {len(outcome)} images right",
            allowed="at least one correct prediction",
            fix="check the class order (--class-names), the normalization (--mean, --std) and the weights",
        )
    rows = np.flatnonzero(outcome == Outcome.SUCCESS)
    if not len(rows):
        attacked = int((outcome == Outcome.RESISTED).sum())
        raise NothingToAnalyzeError(
            f"the attack succeeds on none of the {attacked} images that it tried",
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
    """Counts and rates of the whole run; a rate is None where its denominator is 0 or it has no meaning.

    Accuracies have no meaning for images without labels: their labels are the predictions. Robust accuracy
    is the share of images that are predicted right also after the attack; an image that was not attacked
    because its label is the target counts as such.
    """
    outcome = writer.run_table("outcome")
    images, successes = len(outcome), int((outcome == Outcome.SUCCESS).sum())
    correct = images - int((outcome == Outcome.WRONG).sum())
    attacked = successes + int((outcome == Outcome.RESISTED).sum())
    # A targeted attack may miss its target and yet mislead the model.
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
