"""JSON bodies about the vulnerability maps that a record has, and about the jobs that compute them."""

from typing import Literal

from pydantic import Field

from vulneuron.analysis.settings import VulnerabilityMapSettings
from vulneuron.maps.stages import StageName
from vulneuron.server.dto import Model, NumberText

JobState = Literal["queued", "running", "done", "cancelled", "failed"]


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
    """Pairs to look up in the record."""

    pairs: NumberText
    vmaps: VulnerabilityMapSettings = VulnerabilityMapSettings()


class StoredMaps(Model):
    """Result of a lookup of stored vulnerability maps."""

    missing: str = Field(description="Pairs without maps, as numbers and ranges: `0-5,9`.")


class JobRequest(Model):
    """Long work to start."""

    kind: Literal["maps"] = "maps"
    pair: int = Field(ge=0)
    vmaps: VulnerabilityMapSettings = VulnerabilityMapSettings()
    session: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Session that starts the job. Its earlier jobs are canceled unless others wait for them.",
    )


class StageModel(Model):
    """A stage of vulnerability maps that are being computed."""

    name: StageName = Field(
        description="`preview`: from gradients; `estimate`: interpolated between exact points; `settled`: an "
        "estimate whose most vulnerable part will hardly change; `exact`: every point is computed."
    )
    number: int = Field(description="Number of the stage within the job, from 0.")
    known: int = Field(description="Number of exact points.")
    points: int = Field(description="Number of points of each map.")
    top: float = Field(
        description="Percentage of the pixels in the most vulnerable part, which is settled first."
    )
    unsettled: float = Field(
        description="Upper estimate of the fraction of the most vulnerable part that may still change."
    )
    agreement: list[float] | None = Field(
        description="Rank correlations of the preview with the first exact points, for benign drop and "
        "adversarial gain; null before there are any.",
        min_length=2,
        max_length=2,
    )


class JobModel(Model):
    """The state of a job."""

    id: str
    record: str
    kind: Literal["maps"]
    pair: int
    patch: int
    stride: int
    state: JobState
    done: int
    total: int
    message: str | None
    stage: StageModel | None = Field(
        description="Latest stage, whose maps are available; null before the first."
    )
