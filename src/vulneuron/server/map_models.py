"""JSON bodies about the vulnerability maps that a record has."""

from pydantic import Field

from vulneuron.analysis.settings import VulnerabilityMapSettings
from vulneuron.server.dto import Model, NumberText


class MapState(Model):
    """Whether the vulnerability maps of a pair are available."""

    ready: bool
    can_compute: bool = Field(
        description="Whether the network is available, so that a job can compute the maps."
    )
    patch: int
    stride: int
    grid: list[int] = Field(description="Rows and columns of the maps.", min_length=2, max_length=2)


class StoredMapsRequest(Model):
    """Pairs whose vulnerability maps may be stored."""

    pairs: NumberText
    vmaps: VulnerabilityMapSettings = VulnerabilityMapSettings()


class StoredMaps(Model):
    """Which of some pairs have vulnerability maps in the record."""

    missing: str = Field(description="Pairs without maps, as numbers and ranges: `0-5,9`.")
