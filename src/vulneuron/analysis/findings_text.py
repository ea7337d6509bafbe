"""Findings as Markdown, for a paper's notes or a lab notebook."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vulneuron.analysis.analysis import Analysis
from vulneuron.analysis.selection import checked_numbers
from vulneuron.attacks import attack_label
from vulneuron.measures import MEASURES
from vulneuron.record import Finding

#: Columns of the table of neurons, and its largest length.
_COLUMNS = ("contribution_benign", "contribution_adversarial", "curve_gap")
_MOST_NEURONS = 10
#: Characters that Markdown would interpret in a name.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def findings_markdown(
    analysis: Analysis, findings: Iterable[Finding], links: Mapping[str, str] | None = None
) -> str:
    """Findings as a Markdown document: the run in one line, then titles, probabilities, norms and notes.

    Parameters
    ----------
    analysis
        Analysis of their record.
    findings
        The findings, in the order of the document.
    links
        Addresses that show them in the dashboard, by their ids.

    Raises
    ------
    MeasureError
        If the record lacks the pair or a neuron of a finding.
    """
    record = analysis.record
    name = record.path.rstrip("/").replace("\\", "/").rpartition("/")[2]
    parts = [f"# Findings in {_plain(name)}", _run(record.info())]
    for number, finding in enumerate(findings, 1):
        parts += [f"## {number}. {_plain(finding.title)}"]
        if finding.note.strip():
            parts.append(finding.note.strip())
        parts += _numbers(analysis, finding)
        if links and finding.id in links:
            parts.append(f"[Open in the dashboard](<{links[finding.id]}>)")
    return "\n\n".join(parts) + "\n"


def _run(info: Mapping[str, Any]) -> str:
    attack = info["attack"]
    # Without its folders, because the document is for other people.
    model = info["model"]["spec"].partition("?")[0].replace("\\", "/").rpartition("/")[2]
    budget = f", ε {attack['eps']}" if attack.get("eps") is not None else ""
    return (
        f"{_plain(model)} under {_plain(attack_label(attack['name']))}{_plain(budget)}: "
        f"{info['successes']:,} of {info['attacked']:,} attacked images fooled."
    )


def _numbers(analysis: Analysis, finding: Finding) -> list[str]:
    """Both labels' probabilities on both images, the perturbation, and contributions of the neurons."""
    pair = analysis.pair(finding.pair)
    rows = []
    for labels in (analysis.data.benign_label, analysis.data.adversarial_label):
        label = int(labels[pair.number])
        probabilities = (pair.benign_probabilities[label], pair.adversarial_probabilities[label])
        rows.append(
            [
                _plain(analysis.record.class_names[label]),
                *(f"{probability:.4f}" for probability in probabilities),
            ]
        )
    parts = [
        f"Image {_plain(pair.image_id)}, L2 norm of the perturbation {pair.perturbation_l2:.4g}, "
        f"L∞ norm {pair.perturbation_linf:.4g}.",
        _table(["probability", "benign image", "adversarial image"], rows),
    ]
    if finding.neurons and finding.layer in analysis.record.layers:
        layer = analysis.at(finding.layer)
        neurons = checked_numbers(finding.neurons, "neuron", layer.data.neurons)[:_MOST_NEURONS]
        table = layer.neurons(finding.pair, columns=_COLUMNS).loc[neurons]
        rows = [
            [str(neuron), *(f"{value:.4g}" for value in row)]
            for neuron, row in zip(neurons, table.to_numpy(), strict=True)
        ]
        parts.append(_table(["neuron", *(MEASURES[name].label for name in _COLUMNS)], rows))
        if len(finding.neurons) > len(neurons):
            parts.append(f"and {len(finding.neurons) - len(neurons):,} more neurons")
    return parts


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """A name as plain text of Markdown, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
