"""Findings and named groups, which are stored with the record."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vulneuron.analysis.findings_text import findings_markdown
from vulneuron.server.access import TOKEN_PARAMETER
from vulneuron.server.dependencies import LayerInUrl
from vulneuron.server.saved_models import (
    FindingChange,
    FindingModel,
    FindingsText,
    GroupModel,
    GroupName,
    NewFinding,
    RestoredFinding,
    SavedModel,
)

router = APIRouter(prefix="/records/{record}", tags=["saved"])
TEXT = {"type": "string"}
FindingId = Annotated[str, Path(max_length=64, description="Id of a finding.")]


@router.get("/saved")
def get_saved(layer: LayerInUrl) -> SavedModel:
    """Return all findings and groups."""
    return SavedModel.of(layer)


@router.post("/findings")
def add_finding(layer: LayerInUrl, body: NewFinding) -> SavedModel:
    """Save a finding at the end of the list."""
    layer.record.findings.add(
        body.note, pair=body.pair, neurons=body.neurons, layer=layer.analysis.layer, query=body.query
    )
    return SavedModel.of(layer)


@router.post("/findings/draft")
def draft_finding(layer: LayerInUrl, body: NewFinding) -> FindingModel:
    """Return a finding without saving it, for a record that cannot be written to."""
    finding = layer.record.findings.create(
        body.note, pair=body.pair, neurons=body.neurons, layer=layer.analysis.layer, query=body.query
    )
    return FindingModel.of(finding, layer)


@router.patch("/findings/{finding}")
def change_finding(layer: LayerInUrl, finding: FindingId, body: FindingChange) -> SavedModel:
    """Change the title, the note or the place of a finding."""
    findings = layer.record.findings
    if body.title is not None or body.note is not None:
        findings.edit(finding, title=body.title, note=body.note, revision=body.revision)
    if body.position is not None:
        findings.move(finding, body.position)
    return SavedModel.of(layer)


@router.put("/findings/{finding}")
def restore_finding(layer: LayerInUrl, finding: FindingId, body: RestoredFinding) -> SavedModel:
    """Put back a finding that was removed."""
    restored = body.finding.model_copy(update={"id": finding})
    layer.record.findings.restore(restored.finding(), body.position)
    return SavedModel.of(layer)


@router.delete("/findings/{finding}")
def remove_finding(layer: LayerInUrl, finding: FindingId) -> SavedModel:
    """Remove a finding."""
    layer.record.findings.remove(finding)
    return SavedModel.of(layer)


@router.post(
    "/findings.md",
    response_class=Response,
    responses={200: {"description": "The document.", "content": {"text/markdown": {"schema": TEXT}}}},
)
def write_findings(layer: LayerInUrl, body: FindingsText) -> Response:
    """Return findings as a Markdown document."""
    # The document is for other people, so it must not contain the secret path of a notebook's server.
    is_secret = f"/{TOKEN_PARAMETER}/" in body.address
    links = {one.id: f"{body.address}?{one.query}" for one in body.findings if not is_secret}
    findings = [finding.finding() for finding in body.findings]
    text = findings_markdown(layer.analysis, findings, links)
    return Response(text, media_type="text/markdown; charset=utf-8", headers={"Cache-Control": "no-store"})


@router.post("/groups")
def add_group(layer: LayerInUrl, body: GroupModel) -> SavedModel:
    """Save a group under a new name."""
    layer.record.groups.add(body.name, body.group())
    return SavedModel.of(layer)


@router.patch("/groups")
def rename_group(layer: LayerInUrl, body: GroupName) -> SavedModel:
    """Rename a group."""
    layer.record.groups.rename(body.name, body.new_name)
    return SavedModel.of(layer)


@router.delete("/groups")
def remove_group(layer: LayerInUrl, name: Annotated[str, Query(max_length=200)]) -> SavedModel:
    """Remove a group."""
    del layer.record.groups[name]
    return SavedModel.of(layer)
