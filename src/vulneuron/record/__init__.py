"""Records: the Zarr store that a run writes."""

from vulneuron.record.layers import RecordLayer
from vulneuron.record.locking import record_lock
from vulneuron.record.replacement import remove_record
from vulneuron.record.schema import Outcome, Phase
from vulneuron.record.store import Record, Validation, open_record
from vulneuron.record.writer import RecordWriter, create_record, resume_record

__all__ = [
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
