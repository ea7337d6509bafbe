"""Generates the table of neuron measures from their declarations; an MkDocs hook."""

from collections.abc import Iterable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from vulneuron.measures import MEASURES, NeuronMeasure

#: Placeholder of the table in `docs/measures.md`.
MARKER = "<!-- table of neuron measures -->"


def table(measures: Iterable[NeuronMeasure]) -> str:
    """Markdown table with one row per column of `Analysis.neurons`."""
    rows = ["| column | meaning | formula | unit, range | rank 1 |", "|---|---|---|---|---|"]
    for measure in measures:
        first = measure.ends[0] if measure.ranks else ""
        cells = (f"`{measure.name}`", measure.meaning, measure.formula, measure.unit, first)
        rows.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(rows)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace the placeholder by the table."""
    return markdown.replace(MARKER, table(MEASURES.values()))
