"""`vulneuron findings`: the findings of a record as Markdown. Each command is a module."""

import sys
from typing import Annotated

import typer


def command(path: Annotated[str, typer.Argument(metavar="RECORD", help="A finished record.")]) -> None:
    """Print the findings of a record as Markdown: notes, probabilities and contributions."""
    from vulneuron.analysis import Analysis
    from vulneuron.analysis.findings_text import findings_markdown
    from vulneuron.record import open_record

    record = open_record(path)
    record.require_pairs()
    sys.stdout.write(findings_markdown(Analysis(record), record.findings))
