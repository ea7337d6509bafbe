"""Executes a run: attack, capture, project. Each phase can be interrupted at any point and resumed."""

import os
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from vulneuron.errors import NothingToAnalyzeError, RecordError, VulneuronError
from vulneuron.measures.projection import project
from vulneuron.pipeline.attacking import attack_images
from vulneuron.pipeline.audit import audit
from vulneuron.pipeline.capturing import capture_pairs
from vulneuron.pipeline.normalization_check import normalization_note, sample_positions
from vulneuron.pipeline.progress import RunProgress
from vulneuron.pipeline.run import Run, checked_batch_size, difference
from vulneuron.pipeline.selection import most_attacked
from vulneuron.pipeline.sound_images import select_sound_images
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
from vulneuron.record.opening import open_group
from vulneuron.record.replacement import replace_record, restore_record, staging_path
from vulneuron.record.schema import ADVERSARIAL, BENIGN

Ints = npt.NDArray[np.int64]


def execute(
    run: Run,
    out: str | os.PathLike[str],
    *,
    batch_size: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Record:
    """Execute a run and return its record.

    An unfinished record of the same run is resumed, and a finished one is returned unchanged. A run that
    attacks no image leaves no record; a run in which no attack succeeds leaves one without pairs.

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
        Whether to replace a record of another run, or a finished one, once the new record is complete. An
        unfinished record of this run is still resumed.
    progress
        Whether to show progress in a terminal or a notebook.

    Raises
    ------
    RecordError
        If `out` exists and is not a record, or the disk is full.
    RunError
        If no image is attacked, because none is classified correctly or all have the target label.
    """
    with record_lock(out), RunProgress(show=progress) as bars:
        restore_record(out)
        existing = _existing(run, out, overwrite=overwrite)
        if isinstance(existing, Record):
            return existing
        if existing is not None or _is_empty(out):
            return _complete(run, existing or _create(run, out, batch_size, bars), bars)
        # The old record stays in place until the new one is complete.
        new = staging_path(out)
        staged = _resumable(run, new)
        if not isinstance(staged, Record):
            _complete(run, staged or _create(run, new, batch_size, bars), bars)
        replace_record(out, new)
        return open_record(out)


def _complete(run: Run, writer: RecordWriter, bars: RunProgress) -> Record:
    """Do the phases of a run that its record does not have yet."""
    writer.add_notes(run.resumption_notes(writer.attributes))
    try:
        if writer.phase is Phase.ATTACK:
            attack_images(run, writer, bars)
            _begin_pairs(run, writer)
    except VulneuronError as error:
        # Delete a record without results; keep one that can be resumed.
        if isinstance(error, NothingToAnalyzeError) or not writer.run_table("outcome").any():
            remove_record(writer.path)
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
    if changed is not None or _is_empty(out):
        return None
    if record.complete:
        return None if overwrite else record
    return resume_record(out)


def _is_empty(out: str | os.PathLike[str]) -> bool:
    """Whether there is nothing to keep: no record, or one whose creation was interrupted."""
    if is_free(out):
        return True
    try:
        return open_group(out).attrs["phase"] == Phase.CREATE
    except RecordError:
        return False


def _resumable(run: Run, new: str) -> Record | RecordWriter | None:
    """The record that an interrupted replacement by the same run has left, if any."""
    if _is_empty(new):
        return None
    try:
        record = open_record(new)
    except RecordError:
        return None
    if difference(record.attributes["run"], run.settings) is not None:
        return None
    return record if record.complete else resume_record(new)


def _create(run: Run, out: str | os.PathLike[str], batch_size: int | None, bars: RunProgress) -> RecordWriter:
    batch = checked_batch_size(batch_size, run.classifier)
    # Find damaged files before hours are spent on attacking the others.
    positions, labels, notes = select_sound_images(run, batch, bars)
    notes = (*notes, *_normalization_notes(run, positions, batch))
    columns = {
        "image_id": np.array([run.images.ids[i] for i in positions], dtype=object),
        "image_index": positions,
        "true_label": labels,
    }
    attributes = {**run.attributes(batch), "notes": [*run.notes, *notes]}
    return create_record(out, attributes, run.layers(), columns, run.images_per_block(batch))


def _normalization_notes(run: Run, positions: Ints, batch_size: int) -> list[str]:
    if run.images.labels is None:
        return []
    sample = sample_positions(positions)
    labels = run.images.labels[sample]
    note = normalization_note(run.classifier, run.images.load(sample), labels, batch_size)
    return [] if note is None else [note]


def _begin_pairs(run: Run, writer: RecordWriter) -> None:
    outcome = writer.run_table("outcome")
    if (outcome == Outcome.WRONG).all():
        raise NothingToAnalyzeError(
            f"the model classifies none of the {len(outcome)} images correctly",
            allowed="at least one correct prediction",
            fix="check the class order (--class-names), the normalization (--mean, --std) and the weights",
        )
    rows = np.flatnonzero(outcome == Outcome.SUCCESS)
    if not np.isin(outcome, (Outcome.SUCCESS, Outcome.RESISTED)).any():
        raise NothingToAnalyzeError(
            f"all {int((outcome == Outcome.EXEMPT).sum())} images that the model classifies correctly are of "
            "the target class, so none is attacked",
            allowed="at least one image of another class",
            fix="choose another --target, or other --classes",
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
    counts = _counts(run, writer)
    return writer.finish(
        projections,
        {
            "counts": counts,
            "audit": audit(run, writer).attributes(),
            "benign_label_count": labels,
            "notes": [*writer.attributes["notes"], *_outcome_notes(counts)],
        },
    )


def _outcome_notes(counts: Mapping[str, int | float | None]) -> list[str]:
    if counts["successes"]:
        return []
    attacked = f"{counts['attacked']:,} attacked images"
    return [f"The attack succeeds on none of the {attacked}, so the record has no pairs."]


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
