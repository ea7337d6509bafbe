"""Records: the Zarr store that a run writes."""

from vulneuron.record.findings import Findings
from vulneuron.record.groups import Groups
from vulneuron.record.layers import RecordLayer
from vulneuron.record.locking import record_lock
from vulneuron.record.replacement import remove_record
from vulneuron.record.saved import Finding, Group
from vulneuron.record.schema import Outcome, Phase
from vulneuron.record.store import Record, Validation, open_record
from vulneuron.record.writer import RecordWriter, create_record, resume_record

__all__ = [
    "Finding",
    "Findings",
    "Group",
    "Groups",
    "Outcome",
    "Phase",
    "Record",
    "RecordLayer",
    "RecordWriter",
    "Validation",
    "create_record",
    "open_record",
    "record_lock",
    "remove_record",
    "resume_record",
]
