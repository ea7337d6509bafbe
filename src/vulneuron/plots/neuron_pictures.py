"""One neuron, or several together, on one pair (paper, Figure 2-d)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vulneuron.analysis import Analysis, Pair, checked_neurons
from vulneuron.analysis.data import Ints
from vulneuron.analysis.fields import combined_mask
from vulneuron.analysis.results import TopMasks
from vulneuron.analysis.settings import COMBINATIONS, Combination
from vulneuron.maps.vulnerability_map import NEGLIGIBLE, VulnerabilityMaps, to_full_size
from vulneuron.measures import SIDES
from vulneuron.measures.choices import check_choice
from vulneuron.plots.colors import INK, MUTED, SUNK
from vulneuron.plots.regions import faint, map_colors, map_pixels, outline, picture_note, receptive_field
from vulneuron.plots.selections import colors_of
from vulneuron.plots.sheet import SIDE_COLORS, Sheet, as_bytes, sheet
from vulneuron.plots.texts import ARROW, change, number, per_cent, probability
from vulneuron.record.findings import neurons_in_words

if TYPE_CHECKING:
    from vulneuron.plots.figure import Figure

_GAP = 9.0
_CAPTION = 9.0
#: Width of a map with its caption in one line.
_ROOM_FOR_IOU, _ROOM_PER_IOU = 64.0, 14.0
_LARGEST_PICTURE = 150.0
_WIDEST_BAR = 190.0
#: Names of the two maps, the side of the label whose probability changes, and how it changes.
_EFFECTS = (("benign_drop", "benign", "falls"), ("adversarial_gain", "adversarial", "rises"))
_SHOWN_LABELS = 3


@dataclass(frozen=True, eq=False)
class _Maps:
    """Both vulnerability maps of a pair, and their most vulnerable parts."""

    maps: VulnerabilityMaps
    top: TopMasks

    @property
    def most(self) -> float:
        """The largest value, to which the scale of both maps extends."""
        return float(max(self.maps.benign_drop.max(), self.maps.adversarial_gain.max()))


def neuron(
    analysis: Analysis,
    pair: int,
    neurons: int | Sequence[int],
    *,
    combine: Combination = "union",
    beside: int | None = None,
    maps: bool = True,
    probabilities: bool = True,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    width: float = 178,
) -> "Figure":
    """What neurons capture on both images of a pair, where the attack works, and what they change.

    Both vulnerability maps have one color scale, and each has the IoU of its outlined part with the receptive
    field. A map whose values are all below 0.01 is not shown.

    Parameters
    ----------
    analysis, pair, neurons, combine
        As for `Analysis.receptive_field`.
    beside
        Another neuron, whose receptive fields are shown at the left.
    maps
        Whether vulnerability maps are shown; they are computed if the record does not have them.
    probabilities
        Whether the probabilities are shown after the neurons are substituted.
    classes
        Classes that have colors of their own, as on a page that is reduced to them; None for all.
    title
        Title; None for the neurons and the pair, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If the pair or a neuron is unknown, the width is not allowed, or the maps need a classifier.
    """
    check_choice(combine, "combine", COMBINATIONS)
    numbers = checked_neurons(neurons, analysis.data.neurons)
    summary, colors = analysis.pair(pair), colors_of(analysis, classes)
    sets = [numbers] if beside is None else [checked_neurons(beside, analysis.data.neurons), numbers]
    both = _Maps(analysis.vulnerability_maps(pair), analysis.top_masks(pair)) if maps else None
    with sheet(width) as page:
        words = neurons_in_words(numbers.tolist())
        if title is None:
            how = "" if len(numbers) == 1 else f", {combine}"
            title = f"{_capitalized(words)}{how}, pair {pair}: {change(analysis, pair)}"
        top = page.title(title) + 9
        pictures = len(sets) + (both is not None)
        bars = 0.31 * page.width if probabilities else 0.0
        room = page.width - (bars + _GAP if probabilities else 0)
        wide = min(_LARGEST_PICTURE, (room - (pictures - 1) * _GAP) / pictures)
        rows, columns = analysis.data.image_size
        high = wide * rows / columns
        # In narrow figures, the captions of maps have two lines.
        lines = 2 if both is not None and wide < _ROOM_FOR_IOU + _ROOM_PER_IOU * len(sets) else 1
        step = high + lines * _CAPTION + 4
        for index, chosen in enumerate(sets):
            left = index * (wide + _GAP)
            names: tuple[str, ...] = ("What it captures",) if len(chosen) == 1 else ("What they capture",)
            if beside is not None:
                names = (_capitalized(neurons_in_words(chosen.tolist())), f"{len(chosen)} neurons")
            page.text(left, top - 3, page.first_fitting(names, wide, bold=True), bold=True)
            _captured(page, analysis, pair, chosen, combine, (left, top), (wide, high), step)
        left = len(sets) * (wide + _GAP)
        bottom = top + 2 * step
        if both is not None:
            names = ("Where the attack works", "Attack works", "Attack")
            page.text(left, top - 3, page.first_fitting(names, wide, bold=True), bold=True)
            _attacked(page, analysis, summary, sets, combine, both, (left, top), (wide, high), step)
            if both.most >= NEGLIGIBLE:
                bottom = _scale(page, analysis, both.most, left, bottom, wide)
            left += wide + _GAP
        if probabilities:
            _probabilities(
                page,
                analysis,
                colors,
                summary,
                numbers,
                (left, top),
                min(page.width - left, _WIDEST_BAR),
                step,
            )
        return page.finish(bottom - 2)


def _captured(
    page: Sheet,
    analysis: Analysis,
    pair: int,
    neurons: Ints,
    combine: Combination,
    at: tuple[float, float],
    size: tuple[float, float],
    step: float,
) -> None:
    (left, top), (wide, high) = at, size
    masks = analysis.receptive_fields(pair, neurons)
    for row, side in enumerate(SIDES):
        mask = combined_mask(masks[side], combine)
        y = top + row * step
        receptive_field(page, left, y, wide, high, analysis.record.images(pair, side), mask)
        end = page.text(left, y + high + 7.5, side, size=page.small, bold=True, color=SIDE_COLORS[side])
        if mask.any():
            part = per_cent(mask.mean())
            below = _is_below(step, high)
            words = page.first_fitting(
                (f"{part} of the image", part), wide if below else left + wide - end - 3, size=page.small
            )
            _second(page, words, (left, y + high + 7.5), wide, color=MUTED, below=below)


def _is_below(step: float, high: float) -> bool:
    """Whether captions have two lines, for which narrow figures have room between pictures."""
    return step > high + _CAPTION + 4.5


def _second(
    page: Sheet,
    text: str,
    at: tuple[float, float],
    wide: float,
    *,
    below: bool,
    color: str = INK,
    bold: bool = False,
) -> None:
    """The second part of a caption: at the right of its line, or in the next line."""
    left, base = at
    if below:
        page.text(left, base + 8, text, size=page.small, color=color, bold=bold)
    else:
        page.text(left + wide, base, text, size=page.small, color=color, bold=bold, align="right")


def _capitalized(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _attacked(
    page: Sheet,
    analysis: Analysis,
    summary: Pair,
    sets: list[Ints],
    combine: Combination,
    both: _Maps,
    at: tuple[float, float],
    size: tuple[float, float],
    step: float,
) -> None:
    (left, top), (wide, high) = at, size
    overlaps = [analysis.overlap(summary.number, chosen, combine) for chosen in sets]
    shape = analysis.data.image_size
    for row, (name, side, effect) in enumerate(_EFFECTS):
        y = top + row * step
        values = getattr(both.maps, name)
        if values.max() < NEGLIGIBLE:
            page.image(left, y, wide, high, faint(as_bytes(analysis.record.images(summary.number, "benign"))))
            picture_note(
                page, left, y, wide, high, "no single patch matters here", "no patch matters", "none"
            )
        else:
            full = to_full_size(values, shape, both.maps.stride)
            ax = page.image(left, y, wide, high, map_pixels(full, both.most))
            outline(ax, getattr(both.top, name))
        base = y + high + 7.5
        iou = f"IoU {', '.join(probability(getattr(overlap, name)) for overlap in overlaps)}"
        iou_width = page.measure(iou, size=page.small, bold=True)
        below = _is_below(step, high)
        _second(page, iou, (left, base), wide, bold=True, below=below)
        label = summary.benign_label if side == "benign" else summary.adversarial_label
        room = wide - (0 if below else iou_width + 4)
        letters = page.cut(label, room - page.measure(f"p() {effect}", size=page.small), size=page.small)
        page.text(
            left,
            base,
            page.first_fitting((f"p({letters}) {effect}", effect), room, size=page.small),
            size=page.small,
        )


def _scale(page: Sheet, analysis: Analysis, most: float, left: float, top: float, wide: float) -> float:
    """The color scale of the maps, and what is outlined; returns the bottom."""
    colors = np.rint(map_colors()).astype(np.uint8)[None]
    zero, last = "0", number(most)
    start = left + page.measure(zero, size=page.small) + 3
    end = left + wide - page.measure(last, size=page.small) - 3
    page.image(start, top + 1, end - start, 5, colors)
    page.text(left, top + 6, zero, size=page.small, color=MUTED)
    page.text(left + wide, top + 6, last, size=page.small, color=MUTED, align="right")
    words = f"change of probability; outlined: top {analysis.settings.vmaps.top:g} %"
    page.text(left, top + 14, words, size=page.small, color=MUTED, room=page.width - left)
    return top + 18


def _probabilities(
    page: Sheet,
    analysis: Analysis,
    colors: Mapping[str, str],
    summary: Pair,
    neurons: Ints,
    at: tuple[float, float],
    room: float,
    step: float,
) -> None:
    """Probabilities of both images, and those after the neurons have their values on the other image."""
    left, top = at
    these = "it alone" if len(neurons) == 1 else f"these {len(neurons)}"
    titles = [
        page.first_fitting((f"If {these} were {done}", f"If {done}"), room, bold=True)
        for done in ("attacked", "repaired")
    ]
    data = analysis.data
    labels = [int(data.benign_label[summary.number]), int(data.adversarial_label[summary.number])]
    before = (summary.benign_probabilities, summary.adversarial_probabilities)
    for row, side in enumerate(SIDES):
        y = top + row * step
        page.text(left, y - 3, titles[row], bold=True)
        after = softmax(analysis.substitute(summary.number, neurons, into=side).logits.astype(np.float64))
        _bars(page, analysis, colors, before[row], after, labels, (left, y + 4), room, min(26.0, step / 4))


def _bars(
    page: Sheet,
    analysis: Analysis,
    colors: Mapping[str, str],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    labels: list[int],
    at: tuple[float, float],
    room: float,
    step: float,
) -> None:
    left, top = at
    names = analysis.record.class_names
    order = np.argsort(-before, kind="stable").tolist()
    others = [label for label in order if label not in labels][: _SHOWN_LABELS - len(set(labels))]
    for label in [label for label in order if label in {*labels, *others}]:
        values = f"{probability(float(before[label]))} {ARROW}"
        then = probability(float(after[label]))
        bold = page.measure(then, size=page.small, bold=True)
        page.text(left + room, top + 5, then, size=page.small, bold=True, align="right")
        page.text(left + room - bold - 2, top + 5, values, size=page.small, color=MUTED, align="right")
        space = room - bold - page.measure(values, size=page.small) - 6
        page.text(left, top + 5, names[label], size=page.small, room=space)
        page.rectangle(left, top + 8, room, 2.6, SUNK)
        page.rectangle(left, top + 8, room * float(after[label]), 2.6, colors.get(names[label], MUTED))
        x = left + room * float(before[label])
        page.line([x, x], [top + 7, top + 11.6], color=INK, linewidth=0.8)
        top += step
