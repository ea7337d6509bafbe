"""`Settings` of an analysis, in groups."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from vulneuron.analysis.declarations import Integer, Number, OneOf, Setting, SettingsGroup, check_names
from vulneuron.engines import ENGINES, EngineName
from vulneuron.errors import MeasureError
from vulneuron.measures.bands import BAND_IMAGES, BAND_KINDS, BandKind
from vulneuron.measures.choices import Choice
from vulneuron.measures.clustering import METHODS, Method
from vulneuron.measures.contribution import WEIGHTS, Weights
from vulneuron.measures.distances import DISTANCES
from vulneuron.measures.sides import Side
from vulneuron.measures.thresholds import MODES, Mode, Threshold

Ints = npt.NDArray[np.int64]
Combination = Literal["union", "intersection"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)

_CONFIDENCES = {level: Choice(f"{level:.0%}".replace("%", " %"), "") for level in (0.5, 0.8, 0.9, 0.95, 0.99)}
_IOU_SIDES: dict[Side, Choice] = {
    "benign": Choice("benign image", "IoU with receptive fields on the benign image"),
    "adversarial": Choice("adversarial image", "IoU with receptive fields on the adversarial image"),
}


class CurveSettings(SettingsGroup):
    """Contribution curves and bands."""

    weights: Annotated[
        Weights, OneOf("Weights", "Class whose weights the contribution curves use.", WEIGHTS)
    ] = "own"
    band: Annotated[
        BandKind, OneOf("Interval", "Range of contributions covered by the bands of a class.", BAND_KINDS)
    ] = "mean"
    confidence: Annotated[
        float,
        Number(
            "Confidence",
            "Confidence level of the bands and of the intervals of ranks.",
            above=0,
            below=1,
            choices=_CONFIDENCES,
        ),
    ] = 0.95
    band_images: Annotated[
        Side,
        OneOf(
            "Adversarial band of",
            "Images from which the band of the adversarial class is computed.",
            BAND_IMAGES,
        ),
    ] = "benign"


class FieldSettings(SettingsGroup):
    """Receptive fields (RFs)."""

    threshold_mode: Annotated[
        Mode,
        OneOf(
            "How RF thresholds are chosen",
            "How to choose the activation above which a neuron counts as active.",
            MODES,
        ),
    ] = "absolute"
    threshold_level: Annotated[
        float | None,
        Number(
            "RF threshold",
            "Activation, quantile, or fraction of the maximum.",
            null="the default of the mode",
        ),
    ] = None

    @property
    def threshold(self) -> Threshold:
        """Mode and level together."""
        return Threshold(self.threshold_mode, self.threshold_level)

    @model_validator(mode="after")
    def _check_level(self) -> "FieldSettings":
        _ = self.threshold
        return self


class VulnerabilityMapSettings(SettingsGroup):
    """Vulnerability maps, and their overlap with receptive fields."""

    patch: Annotated[
        int | None,
        Integer(
            "Patch",
            "Side of a patch of the vulnerability maps in pixels.",
            at_least=2,
            multiple_of=2,
            null="1/8 of the image, at least 4",
        ),
    ] = None
    stride: Annotated[int, Integer("Detail", "Pixels from one patch to the next.", at_least=1)] = 1
    engine: Annotated[EngineName, OneOf("Engine", "How vulnerability maps are computed.", ENGINES)] = (
        "incremental"
    )
    top: Annotated[
        float,
        Number(
            "Outline",
            "Percentage of a vulnerability map's pixels that count as vulnerable.",
            above=0,
            at_most=100,
        ),
    ] = 20.0
    iou_side: Annotated[
        Side,
        OneOf(
            "IoU with RFs on the",
            "Image whose receptive fields are compared with the vulnerability maps.",
            _IOU_SIDES,
        ),
    ] = "benign"


class ClusterSettings(SettingsGroup):
    """Clusters of neurons."""

    distance: Annotated[
        str, OneOf("Distance between neurons", "Measure of how much two neurons differ.", DISTANCES)
    ] = "receptive_field"
    linkage: Annotated[
        Method | None,
        OneOf(
            "Linkage of clusters",
            "How the distance between two clusters is defined.",
            METHODS,
            null="the one that fits the distance",
        ),
    ] = None

    @property
    def method(self) -> Method:
        """The linkage method, also where none is chosen."""
        return self.linkage or DISTANCES[self.distance].linkage


@dataclass(frozen=True, init=False)
class Settings:
    """The choices behind the numbers and pictures of an `Analysis`; frozen and hashable.

    ``Settings(top=10)`` sets one by name, and ``settings.replace(top=10)`` changes it, whatever its group.

    Parameters
    ----------
    curves, fields, vmaps, clusters
        The groups; their defaults if None.
    choices
        Settings by name, which take precedence over the groups.

    Raises
    ------
    MeasureError
        If there is no such setting, or a value is not allowed.
    """

    curves: CurveSettings
    fields: FieldSettings
    vmaps: VulnerabilityMapSettings
    clusters: ClusterSettings

    def __init__(
        self,
        *,
        curves: CurveSettings | None = None,
        fields: FieldSettings | None = None,
        vmaps: VulnerabilityMapSettings | None = None,
        clusters: ClusterSettings | None = None,
        **choices: object,
    ) -> None:
        check_names(choices, SETTINGS)
        groups = {"curves": curves, "fields": fields, "vmaps": vmaps, "clusters": clusters}
        for name, kind in GROUPS.items():
            group = kind() if groups[name] is None else groups[name]
            if not isinstance(group, kind):
                raise MeasureError(
                    f"given {name} = {group!r}",
                    allowed=f"a {kind.__name__}",
                    fix="pass single settings by their own names, such as top=10",
                )
            chosen = {setting: value for setting, value in choices.items() if setting in kind.model_fields}
            object.__setattr__(self, name, kind(**{**dict(group), **chosen}))

    def replace(self, **choices: object) -> "Settings":
        """Return settings with these choices, by their names, and the others as they are."""
        return Settings(**{**{name: getattr(self, name) for name in GROUPS}, **choices})


#: Groups of settings by name.
GROUPS: dict[str, type[SettingsGroup]] = {
    "curves": CurveSettings,
    "fields": FieldSettings,
    "vmaps": VulnerabilityMapSettings,
    "clusters": ClusterSettings,
}
#: Declarations of all settings by name.
SETTINGS: dict[str, Setting] = {
    name: setting for group in GROUPS.values() for name, setting in group.declared().items()
}


def suggested_settings(benign_label: Ints, adversarial_label: Ints) -> Settings:
    """Default settings, adapted to give most pairs bands.

    If most pairs' adversarial class has fewer than two benign images, as in a small run with many classes,
    the adversarial bands are computed from adversarial images, if more pairs then have a band.

    Parameters
    ----------
    benign_label, adversarial_label
        ``(pair,)``, labels of all pairs of the record.
    """
    default = _share_with_band(benign_label, adversarial_label)
    if default < 0.5 and default < _share_with_band(adversarial_label, adversarial_label):
        return Settings(band_images="adversarial")
    return Settings()


def _share_with_band(band_labels: Ints, pair_labels: Ints) -> float:
    """Share of the pairs whose label at least two images of the band have."""
    images = np.bincount(band_labels, minlength=int(pair_labels.max()) + 1)
    return float(np.mean(images[pair_labels] >= 2))
