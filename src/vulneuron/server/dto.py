"""JSON bodies about pairs and neurons, and the base of all; the front end's types are generated from them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vulneuron.analysis.context import Order
from vulneuron.analysis.nearest import Likeness
from vulneuron.analysis.settings import (
    CurveSettings,
    FieldSettings,
    VulnerabilityMapSettings,
)
from vulneuron.measures.context import Scope

#: Longest list of pairs or neurons as text: 200,000 numbers without ranges.
NumberText = Annotated[
    str, Field(min_length=1, max_length=1_400_000, description="Numbers and ranges: `0-5,9`.")
]


class Model(BaseModel):
    """Base of all models; unknown fields are rejected."""

    # Fields with a default are always sent, so the types of responses need not be optional.
    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class ErrorBody(Model):
    """Why a request failed."""

    given: str = Field(description="What was given or encountered.")
    allowed: str = Field(description="What is accepted.")
    fix: str = Field(description="What to do next.")
    message: str = Field(description="All three in one line.")


class Probability(Model):
    """Probability of one class."""

    label: int
    probability: float


class SideProbabilities(Model):
    """Both labels and the most probable other class of each image, most probable first."""

    benign: list[Probability]
    adversarial: list[Probability]


class PairModel(Model):
    """One pair."""

    pair: int
    image_id: str
    benign_label: int
    adversarial_label: int
    perturbation_l2: float
    perturbation_linf: float
    survives_8bit: bool
    probabilities: SideProbabilities


class NearestRequest(Model):
    """What the nearest pairs are nearest by, and among which pairs."""

    by: Likeness = "benign"
    count: int = Field(default=24, ge=1, le=1000, description="Maximum number of pairs.")
    pairs: NumberText | None = Field(default=None, description="Pairs to choose from; null for all.")
    curves: CurveSettings = CurveSettings()


class NearestModel(Model):
    """The pairs that are most like a given one, the nearest first."""

    pairs: list[int]
    distances: list[float] = Field(description="Cosine distances to the given pair.")


class SubstitutionModel(Model):
    """The output of the network after the substitution of some neurons."""

    benign_drop: float
    adversarial_gain: float
    label: int = Field(description="Most probable class afterwards.")
    probabilities: list[Probability] = Field(
        description="Probabilities afterwards, of the classes of the pair's `probabilities`."
    )


class SubstitutionsModel(Model):
    """The substitution of some neurons into the benign and into the adversarial image."""

    benign: SubstitutionModel
    adversarial: SubstitutionModel


class ContextRequest(Model):
    """The context images of a neuron."""

    neuron: int = Field(description="Number of the neuron.")
    order: Order = Field(default="activation", description="Value by which the pairs are sorted.")
    scope: Scope = Field(default="same_labels", description="Pairs to choose from.")
    count: int = Field(default=6, ge=1, le=64, description="Maximum number of pairs.")
    start: int = Field(default=0, ge=0, le=2**31, description="Number of pairs at the top to leave out.")
    pairs: NumberText | None = Field(
        default=None, description="Distinct pairs in their order, for the scope `given`."
    )
    curves: CurveSettings = CurveSettings()


class ContextModel(Model):
    """Context images: other pairs that show what a neuron captures."""

    pairs: list[int]
    benign_activations: list[float] = Field(description="Activation of the neuron on each benign image.")
    adversarial_activations: list[float] = Field(description="The same on each adversarial image.")
    benign_confidences: list[float] = Field(
        description="Probability of the benign label on each benign image."
    )
    adversarial_confidences: list[float] = Field(
        description="Probability of the adversarial label on each adversarial image."
    )
    changes: list[float] = Field(description="How much the contribution of the neuron rises.")
    order: Order
    scope: Scope


class OverlapModel(Model):
    """IoU of the combined receptive field of some neurons with the most vulnerable pixels of both maps."""

    benign_drop: float
    adversarial_gain: float


class RankRequest(Model):
    """Pairs to rank neurons over."""

    pairs: NumberText
    sort_by: str | None = Field(
        default=None, description="The measure that ranks the neurons; null for means without ranks."
    )
    curves: CurveSettings = CurveSettings()
    fields: FieldSettings = FieldSettings()
    vmaps: VulnerabilityMapSettings = VulnerabilityMapSettings()
    columns: list[str] | None = Field(
        default=None, description="Columns to compute, while the others are NaN; null for all."
    )
    intervals: bool = Field(default=False, description="Whether to compute bootstrap intervals of the ranks.")


class MeansProgress(Model):
    """Progress of the means of a ranking."""

    done: int = Field(description="Number of pairs whose values are in the means.")
    total: int = Field(description="Number of all pairs.")


class SessionState(Model):
    """State of a page, as the query of its URL."""

    query: str = Field(default="", max_length=16_384)
