"""Bands of a class's contributions, and the gap between two bands (paper, Section 5.2.1)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from vulneuron.measures.choices import Choice, check_choice, check_confidence
from vulneuron.measures.registry import VULNERABILITY, Bounds, Need, NeuronContext, neuron_measure
from vulneuron.measures.sides import SIDES, BySide, Side

Doubles = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.integer]

BandKind = Literal["mean", "quantile"]
BAND_KINDS: dict[BandKind, Choice] = {
    "mean": Choice(
        "mean",
        "Confidence interval of the mean over the class",
        legend=("{level} of class mean",),
    ),
    "quantile": Choice(
        "quantiles", "The middle part of the class's images", legend=("middle {level} of class",)
    ),
}
#: Images behind the band of the adversarial class.
BAND_IMAGES: dict[Side, Choice] = {
    "benign": Choice("benign images", "Benign images of the adversarial class"),
    "adversarial": Choice(
        "adversarial images", "Adversarial images that are predicted as the adversarial class"
    ),
}


@dataclass(frozen=True, eq=False)
class Band:
    """Lower and upper bound of each neuron's contribution over a class.

    Attributes
    ----------
    low, high
        ``(neuron,)``, or ``(pair, neuron)`` for the classes of many pairs; float64, in units of logits; NaN
        for a class of fewer than 2 images, which has no band.
    """

    low: Doubles
    high: Doubles


def class_rows(benign_label: Labels, adversarial_label: Labels, label: int, images: Side = "benign") -> Ints:
    """Pairs whose images form a class's band.

    Parameters
    ----------
    benign_label, adversarial_label
        ``(pair,)``, labels of all pairs of the record.
    label
        The class.
    images
        "benign": benign images of that class, which form the benign band (of the benign label) and, by
        default, the adversarial band (of the adversarial label). "adversarial": adversarial images predicted
        as that class, the alternative for the adversarial band.

    Returns
    -------
    ndarray
        Ascending indices of pairs, int64; `images` determines which side of them is used.

    Raises
    ------
    MeasureError
        If `images` is unknown.
    """
    check_choice(images, "images", SIDES)
    return np.flatnonzero((benign_label if images == "benign" else adversarial_label) == label)


def band(values: Floating, *, kind: BandKind = "mean", confidence: float = 0.95) -> Band:
    r"""Band of each neuron's contributions or activations over the images of a class.

    "mean" is the t-interval of the mean, :math:`\bar v_k \pm t_{(1 + \gamma) / 2,\, n - 1}\, s_k / \sqrt n`
    with the confidence :math:`\gamma` and the sample standard deviation :math:`s_k` of n images. "quantile"
    goes from the quantile :math:`(1 - \gamma) / 2` to :math:`(1 + \gamma) / 2` (linear interpolation) and
    contains a fraction :math:`\gamma` of the images.

    Parameters
    ----------
    values
        ``(image, neuron)``. `scaled` converts a band of activations to one of contributions.
    kind
        "mean" or "quantile".
    confidence
        Strictly between 0 and 1.

    Returns
    -------
    Band
        NaN for fewer than 2 images, which have no spread.

    Raises
    ------
    MeasureError
        If the kind is unknown or the confidence is out of range.
    """
    check_choice(kind, "kind", BAND_KINDS)
    check_confidence(confidence)
    images, neurons = values.shape
    if images < 2:
        return Band(np.full(neurons, np.nan), np.full(neurons, np.nan))
    if kind == "quantile":
        low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        return Band(np.asarray(low, np.float64), np.asarray(high, np.float64))
    mean = values.mean(axis=0, dtype=np.float64)
    deviation = values.std(axis=0, ddof=1, dtype=np.float64)
    half = stdtrit(images - 1, (1 + confidence) / 2) * deviation / np.sqrt(images)
    return Band(mean - half, mean + half)


def scaled(activations: Band, weights: Doubles) -> Band:
    """Band of activation x weight from the band of the activations; both kinds of bands scale.

    Parameters
    ----------
    activations
        ``(..., neuron)``.
    weights
        ``(..., neuron)``; a negative weight swaps the bounds.
    """
    low, high = activations.low * weights, activations.high * weights
    return Band(np.minimum(low, high), np.maximum(low, high))


def band_gap(benign: Bounds, adversarial: Bounds) -> Doubles:
    r"""Signed distance between the adversarial and the benign band, ``(..., neuron)``, in units of logits.

    The paper's equation, with bounds :math:`CL, CU` of the adversarial (a) and the benign (b) band:

    .. math::
        BG = \begin{cases}
            CU_a - CL_b & \text{if } CL_b > CU_a \quad (< 0\text{: inhibited by the attack}) \\
            CL_a - CU_b & \text{if } CL_a > CU_b \quad (> 0\text{: excited by the attack}) \\
            0 & \text{otherwise: the bands overlap}
        \end{cases}

    NaN where a band is missing. Swapping the bands changes the sign.
    """
    gap = np.where(
        benign.low > adversarial.high,
        adversarial.high - benign.low,
        np.where(adversarial.low > benign.high, adversarial.low - benign.high, 0.0),
    )
    gap[np.isnan(benign.low) | np.isnan(adversarial.low)] = np.nan
    return np.asarray(gap)


_TWO_IMAGES: frozenset[Need] = frozenset({"two_images"})
_MISSING_BECAUSE = "because a class has fewer than two images, or none for these weights"
_FIX = "sort by curve_gap, or use Analysis.suggested_settings"


@neuron_measure(
    "band_{part}_low",
    label="{part} band, lower bound",
    row="band, lower bound",
    meaning={
        "benign": "Lower bound of the contribution over the benign class",
        "adversarial": "Lower bound of the contribution over the adversarial class",
    },
    formula={
        "benign": "mean - t-interval over the benign images of class b",
        "adversarial": "mean - t-interval over the benign images of class a",
    },
    unit="logit",
    first=None,
    needs=_TWO_IMAGES,
    missing_because=_MISSING_BECAUSE,
    fix=_FIX,
    by="side",
)
def band_low(context: NeuronContext) -> BySide[Doubles]:
    """Lower bounds of the bands of both classes."""
    return BySide(context.bands.benign.low, context.bands.adversarial.low)


@neuron_measure(
    "band_{part}_high",
    label="{part} band, upper bound",
    row="band, upper bound",
    meaning={
        "benign": "Upper bound of the contribution over the benign class",
        "adversarial": "Upper bound of the contribution over the adversarial class",
    },
    formula={
        "benign": "mean + t-interval over the benign images of class b",
        "adversarial": "mean + t-interval over the benign images of class a",
    },
    unit="logit",
    first=None,
    needs=_TWO_IMAGES,
    missing_because=_MISSING_BECAUSE,
    fix=_FIX,
    by="side",
)
def band_high(context: NeuronContext) -> BySide[Doubles]:
    """Upper bounds of the bands of both classes."""
    return BySide(context.bands.benign.high, context.bands.adversarial.high)


@neuron_measure(
    "band_gap",
    label="band gap",
    heading="band\ngap",
    meaning="Gap between the two classes' contribution bands: below 0 the attack lowers the contribution "
    "(inhibited), above 0 it raises it (excited)",
    formula="low_a - high_b if low_a > high_b; high_a - low_b if low_b > high_a; otherwise 0",
    unit="logit",
    group=VULNERABILITY,
    first="smallest",
    ends=("most inhibited", "most excited"),
    signed=True,
    display="change",
    needs=_TWO_IMAGES,
    missing_because=_MISSING_BECAUSE,
    fix=_FIX,
)
def gap_of_bands(context: NeuronContext) -> Doubles:
    """Signed distance between the bands of both classes; see `band_gap`."""
    bands = context.bands
    return band_gap(bands.benign, bands.adversarial)
