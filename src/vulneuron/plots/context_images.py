"""Context images (paper, Figures 5 and 9)."""

from typing import TYPE_CHECKING

from vulneuron.analysis import Analysis
from vulneuron.analysis.context import CONTEXT_ORDERS, Order
from vulneuron.measures import SIDES
from vulneuron.measures.context import SCOPES, Scope
from vulneuron.plots.colors import MUTED
from vulneuron.plots.regions import receptive_field
from vulneuron.plots.selections import Pairs, chosen_pairs
from vulneuron.plots.sheet import SIDE_COLORS, legend, sheet
from vulneuron.plots.texts import change, probability, selection_title, two_decimals

if TYPE_CHECKING:
    from vulneuron.plots.figure import Figure

_CELL = 62.0
_GAP = 5.0
_LEFT = 9.0


def context(
    analysis: Analysis,
    pair: int,
    neuron: int,
    *,
    order: Order = "activation",
    scope: Scope = "same_labels",
    count: int = 6,
    pairs: Pairs | None = None,
    title: str | None = None,
    width: float = 178,
) -> "Figure":
    """Other pairs that show what a neuron captures: benign images above, adversarial ones below.

    Parameters
    ----------
    analysis, pair, neuron, order, scope, count
        As for `Analysis.context`.
    pairs
        Pairs for the scope "given": a cell such as ``"cat:dog"``, a list such as ``"0-5,9"``, or numbers.
    title
        Title; None for the neuron and the pair, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If the pair, the neuron, the order or the scope is unknown, or `count` or the width is not allowed.
    """
    given = None if pairs is None else chosen_pairs(analysis, pairs)
    found = analysis.context(pair, neuron, order=order, scope=scope, count=count, pairs=given)
    numbers = found.pairs
    with sheet(width) as page:
        if title is None:
            others = f"other pairs than {pair}: {change(analysis, pair)}"
            title = f"Neuron {neuron} on {others if given is None else selection_title(analysis, given)}"
        top = page.title(title)
        scopes = [] if given is not None else [(SCOPES[scope].label, None)]
        top = (
            legend(
                page,
                top,
                [
                    *scopes,
                    (f"by {CONTEXT_ORDERS[order].legend[0]}", None),
                    ("below: label, its probability, activation", None),
                ],
            )
            + 1
        )
        if not len(numbers):
            page.text(0, top + 8, "no other pair of these labels")
            return page.finish(top + 14)
        room = page.width - _LEFT
        columns = min(len(numbers), max(1, round((room + _GAP) / (_CELL + _GAP))))
        wide = min(_CELL * 1.3, (room - (columns - 1) * _GAP) / columns)
        rows, across = analysis.data.image_size
        high = wide * rows / across
        step = 9 + 2 * (high + 9) + 6
        masks = analysis.neuron_masks(neuron, numbers)
        labels = (
            analysis.record.pairs.iloc[numbers][["benign_label", "adversarial_label"]]
            .astype(str)
            .to_numpy()
            .T
        )
        confidences = (found.benign_confidences, found.adversarial_confidences)
        activations = (found.benign_activations, found.adversarial_activations)
        for index, side in enumerate(SIDES):
            images = analysis.record.images(numbers, side)
            for place, number in enumerate(numbers.tolist()):
                row, column = divmod(place, columns)
                x, y = _LEFT + column * (wide + _GAP), top + row * step
                if index == 0:
                    page.text(x, y + 6, f"pair {number}", size=page.small, color=MUTED, room=wide)
                y += 9 + index * (high + 9)
                receptive_field(page, x, y, wide, high, images[place], masks[side][place])
                text = two_decimals(float(activations[index][place]))
                room = wide - page.measure(text, size=page.small) - 4
                page.text(x + wide, y + high + 6.5, text, size=page.small, color=MUTED, align="right")
                p = probability(float(confidences[index][place]))
                label = page.cut(
                    labels[index][place], room - page.measure(f" {p}", size=page.small), size=page.small
                )
                page.text(x, y + high + 6.5, f"{label} {p}", size=page.small, room=room)
                if column == 0:
                    page.text(
                        _LEFT - 3, y + high / 2, side, size=page.small, color=SIDE_COLORS[side], bold=True,
                        align="center", rotation=90, rotation_mode="anchor",
                    )  # fmt: skip
        return page.finish(top + -(-len(numbers) // columns) * step - 3)
