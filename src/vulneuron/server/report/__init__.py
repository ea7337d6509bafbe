"""Static reports: the dashboard of some pairs, with all of its numbers, as files that need no server."""

from vulneuron.server.report.contents import ReportContents
from vulneuron.server.report.writing import ReportSize, write_report, zipped_report

__all__ = ["ReportContents", "ReportSize", "write_report", "zipped_report"]
