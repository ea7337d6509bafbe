"""JSON bodies of requests and responses, from which the front end's types are generated."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vulneuron.analysis.context import Order
from vulneuron.analysis.declarations import Kind
from vulneuron.analysis.nearest import Likeness
from vulneuron.analysis.pair_filters import PairFilter
from vulneuron.analysis.pair_orders import PairOrder
from vulneuron.analysis.settings import (
    ClusterSettings,
    CurveSettings,
    FieldSettings,
    VulnerabilityMapSettings,
)
from vulneuron.measures.context import Scope
from vulneuron.measures.registry import COSTLY, Need, NeuronMeasure

#: Longest list of pairs or neurons as text: 200,000 numbers without ranges.
NumberText = Annotated[
    str, Field(min_length=1, max_length=1_400_000, description="Numbers and ranges: `0-5,9`.")
]
HeadName = Literal["linear", "gradient x activation"]
NetworkState = Literal["loading", "ready", "missing"]


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


class ChoiceModel(Model):
    """An allowed word of a setting, or a recommended number."""

    value: str | float
    label: str
    meaning: str
    legend: list[str] = Field(description="Entries in the legend of a plot, with placeholders in braces.")
    implies: dict[str, str | float] = Field(
        description="Values of other settings in the group, if those are null, under this choice."
    )
    limits: dict[str, list[float]] = Field(
        description="Ranges that this choice sets for other settings of the group, including both ends."
    )


class ContextChoices(Model):
    """Choices for context images; the first of each is the default."""

    orders: list[ChoiceModel]
    scopes: list[ChoiceModel]
    counts: list[int] = Field(description="Numbers of pairs to offer, ascending.")


class SettingModel(Model):
    """One setting, with its range in a record."""

    name: str = Field(description="Name in queries and bodies.")
    label: str
    meaning: str
    kind: Kind
    choices: list[ChoiceModel]
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    multiple_of: int | None = None
    null: str | None = Field(description="What null means; null if a value is required.")
    implied: str | float | None = Field(
        description="Value of null in this record, unless a choice of the group implies another."
    )


class SettingsModel(Model):
    """All settings by group."""

    curves: CurveSettings
    fields: FieldSettings
    vmaps: VulnerabilityMapSettings
    clusters: ClusterSettings


class ProgressModel(Model):
    """Progress of an unfinished run."""

    done: int = Field(description="Number of images attacked or pairs captured so far.")
    total: int = Field(description="Number of all of them; 0 in other steps of the run.")
    text: str = Field(description="Step and progress in words.")


class RecordListing(Model):
    """One record of the server."""

    id: str = Field(description="Name of the record, also in URLs.")
    available: bool = Field(description="Whether the record can be read at the moment.")
    message: str | None = Field(
        default=None, description="Why it cannot be read, in one line; null if its run is unfinished."
    )
    progress: ProgressModel | None = Field(
        default=None,
        description="Progress of its run, or of the run that is going to replace it; null if there is none.",
    )
    pairs: int | None = None
    neurons: int | None = None
    classes: int | None = None


class ImageShape(Model):
    """Size of the images in pixels."""

    height: int
    width: int
    channels: int


class MapShape(Model):
    """Size of the feature maps in cells."""

    height: int
    width: int


class AttackModel(Model):
    """The attack that made the adversarial images."""

    name: str
    label: str = Field(description="The name as it is usually written.")
    eps_text: str | None = Field(description="Budget as `8/255`; null if the attack has none.")
    norm: str | None
    parameters: dict[str, str]


class CountsModel(Model):
    """Numbers of images in the run."""

    images: int
    right: int
    attacked: int
    succeeded: int


class MeasureModel(Model):
    """The declaration of one column of the table of neurons."""

    name: str
    label: str = Field(description="Name in menus.")
    meaning: str = Field(description="Explanation of the values.")
    unit: str
    group: str = Field(description="Group in menus.")
    row: str = Field(description="Name of the row of its family in the table of one neuron.")
    family: str = Field(description="Columns of one family share a row.")
    part: str = Field(description="Name among the columns of its family; empty if it is the only one.")
    ranks: bool = Field(description="Whether neurons can be sorted by this column.")
    first: Literal["smallest", "largest"] | None = Field(description="Which end comes first.")
    ends: list[str] = Field(description="Names of both ends.", min_length=2, max_length=2)
    signed: bool = Field(description="Whether negative values mean inhibited, positive ones excited.")
    display: Literal["number", "change", "share"]
    needs: list[Need] = Field(
        description="What the column needs in this record beyond activations and weights."
    )
    costly: bool = Field(description="Whether it takes long to compute for many pairs.")

    @classmethod
    def for_head(cls, measure: NeuronMeasure, *, linear: bool) -> "MeasureModel":
        """The declaration, without needs that a linear head does not have."""
        needs = measure.needs - {"network"} if linear else measure.needs
        values = {name: getattr(measure, name) for name in cls.model_fields}
        values |= {"ends": list(measure.ends), "needs": sorted(needs), "costly": bool(needs & COSTLY)}
        return cls(**values)


class FirstView(Model):
    """The initial selection: the fullest cell of the prediction matrix, or more if it has few pairs."""

    benign: int | None = Field(description="Class index of the row; null for any.")
    adversarial: int | None = Field(description="Class index of the column; null for any.")
    pair: int = Field(
        description="The first pair in the default order whose benign label is not entirely certain."
    )
    neuron: int = Field(
        description="The first neuron by the default sort that captures something on both images."
    )


class NetworkModel(Model):
    """State of the network, which new vulnerability maps need."""

    state: NetworkState
    message: str | None = Field(description="Why it is missing, in one line.")


class LayerModel(Model):
    """One target layer of a record."""

    name: str
    neurons: int
    contribution: str = Field(description="How contributions are computed.")


class ReportModel(Model):
    """The part of a record that a report without a server has."""

    pairs: list[int] = Field(description="Pairs with images and numbers of neurons, ascending.")
    values: dict[str, list[str | float | None]] = Field(
        description="The values of each setting that there are numbers for, by name."
    )


class RecordSummary(Model):
    """Everything that the dashboard needs before it draws."""

    id: str = Field(description="Name of the record, also in URLs.")
    fingerprint: str = Field(
        description="Changes with the content; the parameter `v` of URLs that are cached forever."
    )
    classes: list[str] = Field(description="Names of all classes.")
    used_classes: list[int] = Field(description="Indices that occur as a label, ascending.")
    pairs: int
    neurons: int
    image: ImageShape
    map: MapShape
    model: str
    layer: str = Field(description="Target layer in the request, to which all numbers of neurons refer.")
    layers: list[LayerModel] = Field(
        description="All target layers, in the network's order; the last is the default."
    )
    head: HeadName
    activation: str = Field(description="Where the activation of a neuron comes from.")
    attack: AttackModel
    counts: CountsModel
    clean_accuracy: float | None
    attack_success_rate: float | None
    robust_accuracy: float | None
    warnings: list[str] = Field(description="Flags of the run's audit, one sentence each.")
    network: NetworkModel
    negligible_change: float = Field(
        description="Vulnerability maps whose values are all smaller do not say where an image is vulnerable."
    )
    layer_percentiles: list[float] = Field(
        description="Quantiles of the layer's benign feature maps at evenly spaced levels from 0 to 1, "
        "to relate absolute RF thresholds to."
    )
    settings: dict[str, list[SettingModel]] = Field(description="Declarations of all settings by group.")
    defaults: SettingsModel = Field(description="Initial settings of the page.")
    pair_columns: list[str] = Field(description="Rows of pairs.npy.")
    pair_orders: list[PairOrder] = Field(description="Orders of pairs; the first is the default.")
    pair_filters: list[PairFilter] = Field(
        description="Values to filter pairs by, without those that are the same for all pairs."
    )
    likenesses: list[ChoiceModel] = Field(description="What makes pairs alike; the first is the default.")
    context: ContextChoices
    figure_widths: list[ChoiceModel] = Field(description="Common widths of figures in millimeters.")
    neuron_columns: list[str] = Field(description="Rows of a pair's neurons.npy.")
    rank_columns: list[str] = Field(description="Rows of a ranking.")
    measures: list[MeasureModel] = Field(description="Declarations of the columns, in the order of menus.")
    default_sorts: list[str] = Field(
        description="Measures to sort by initially; the first one that has values is used."
    )
    first_view: FirstView
    most_report_pairs: int = Field(description="Most pairs of a static report that the page offers to make.")
    report: ReportModel | None = Field(default=None, description="What a report has; null on a server.")
    provenance: dict[str, str]


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
