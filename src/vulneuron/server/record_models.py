"""JSON bodies that describe records: their list, and the summary from which the page learns what one has."""

from typing import Literal

from pydantic import Field

from vulneuron.analysis.declarations import Kind
from vulneuron.analysis.pair_filters import PairFilter
from vulneuron.analysis.pair_orders import PairOrder
from vulneuron.analysis.settings import (
    ClusterSettings,
    CurveSettings,
    FieldSettings,
    VulnerabilityMapSettings,
)
from vulneuron.measures.registry import COSTLY, Need, NeuronMeasure
from vulneuron.server.dto import Model

HeadName = Literal["linear", "gradient x activation"]
NetworkState = Literal["loading", "ready", "missing"]


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
