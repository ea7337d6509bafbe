"""The images of pairs (paper, Figures 2-b and 6-a)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vulneuron.analysis import PAIR_ORDERS, Analysis
from vulneuron.analysis.data import Floats
from vulneuron.measures import SIDES
from vulneuron.measures.choices import check_choice, check_whole
from vulneuron.plots.colors import MUTED, SUNK
from vulneuron.plots.selections import Pairs, chosen_pairs, colors_of
from vulneuron.plots.sheet import Sheet, as_bytes, legend, sheet
from vulneuron.plots.texts import ARROW, labels_of, probability, selection_title, two_decimals

if TYPE_CHECKING:
    from vulneuron.plots.figure import Figure

_CARD = 80.0
_GAP = 8.0
_BAR = 2.2


def pairs(
    analysis: Analysis,
    pairs: Pairs = "all",
    *,
    order: str | None = PAIR_ORDERS[0].name,
    count: int = 24,
    picture: Literal["adversarial", "difference"] = "adversarial",
    classes: Sequence[str] | None = None,
    title: str | None = None,
    width: float = 178,
) -> "Figure":
    """Pairs with both images, the probability of each image's label, and the L2 norm of the perturbation.

    Parameters
    ----------
    analysis
        The analysis.
    pairs
        A cell such as ``"cat:dog"``, a list such as ``"0-5,9"``, or numbers.
    order
        Order of the pairs: the name of one of `vulneuron.analysis.PAIR_ORDERS`; None to keep that of numbers.
    count
        Number of pairs that are shown, the first of the order.
    picture
        The right image: "adversarial", or "difference", the amplified perturbation around middle gray.
    classes
        Classes that have colors of their own, as on a page that is reduced to them; None for all.
    title
        Title; None for one that counts the pairs, "" for none.
    width
        Width in millimeters.

    Raises
    ------
    MeasureError
        If a pair, the order or the picture is unknown, or `count` or the width is not allowed.
    """
    check_whole(count, "count")
    check_choice(picture, "picture", ("adversarial", "difference"))
    numbers = chosen_pairs(analysis, pairs)
    shown = (numbers if order is None else analysis.order_pairs(order, numbers))[:count]
    benign, adversarial = labels_of(analysis, shown)
    names_below = benign is None or adversarial is None
    colors = colors_of(analysis, classes)
    with sheet(width) as page:
        top = page.title(selection_title(analysis, numbers) if title is None else title)
        page.text(
            0,
            top + 6,
            _legend(order, len(shown), len(numbers)),
            size=page.small,
            color=MUTED,
            room=page.width,
        )
        top += 11
        if benign is not None and adversarial is not None:
            top = legend(
                page,
                top,
                [
                    (f"{benign}, with its probability", colors[benign]),
                    (f"{adversarial}, once attacked", colors[adversarial]),
                    ("L2 in the middle", None),
                ],
            )
        columns = max(1, round((page.width + _GAP) / (_CARD + _GAP)))
        wide = (page.width - (columns - 1) * _GAP) / columns
        rows, columns_of_image = analysis.data.image_size
        high = (wide - 1) / 2 * rows / columns_of_image
        step = _BAR + 2 + high + 9 + (8 if names_below else 0) + 6
        images = [analysis.record.images(shown, side) for side in SIDES]
        for place, number in enumerate(shown.tolist()):
            row, column = divmod(place, columns)
            both = (images[0][place], images[1][place])
            at = (column * (wide + _GAP), top + row * step)
            _card(
                page,
                analysis,
                colors,
                number,
                both,
                at,
                (wide, high),
                picture=picture,
                names_below=names_below,
            )
        return page.finish(top + -(-len(shown) // columns) * step - 4)


def _legend(order: str | None, shown: int, all_of_them: int) -> str:
    label = next((one.label for one in PAIR_ORDERS if one.name == order), "in this order")
    return label if shown == all_of_them else f"{label}, {shown} of {all_of_them:,}"


def _card(
    page: Sheet,
    analysis: Analysis,
    colors: Mapping[str, str],
    number: int,
    images: tuple[Floats, Floats],
    at: tuple[float, float],
    size: tuple[float, float],
    *,
    picture: str,
    names_below: bool,
) -> None:
    (left, top), (wide, high) = at, size
    row = analysis.record.pairs.iloc[number].to_dict()
    half = (wide - 1) / 2
    shown = (images[0], images[1] if picture == "adversarial" else difference(*images))
    base = top + _BAR + 2 + high + 7
    for column, side in enumerate(SIDES):
        x = left + column * (half + 1)
        part = float(row[f"{side}_label_p_{side}"])
        page.rectangle(x, top, half, _BAR, SUNK)
        page.rectangle(x, top, half * part, _BAR, colors[str(row[f"{side}_label"])])
        page.image(x, top + _BAR + 2, half, high, as_bytes(shown[column]))
        end = left + (wide if column else 0)
        align: Literal["left", "right"] = "right" if column else "left"
        page.text(end, base, probability(part), size=page.small, bold=True, align=align)
    norm = two_decimals(float(row["perturbation_l2"]))
    page.text(left + wide / 2, base, norm, size=page.small, color=MUTED, align="center")
    if names_below:
        words = f"{row['benign_label']} {ARROW} {row['adversarial_label']}"
        page.text(left, base + 8, words, size=page.small, color=MUTED, room=wide)


def difference(benign: Floats, adversarial: Floats) -> npt.NDArray[Any]:
    """The perturbation around middle gray, scaled so that its largest value is black or white."""
    change = adversarial.astype(np.float64) - benign
    largest = float(np.abs(change).max())
    return 0.5 + 0.5 * change / largest if largest else np.full_like(change, 0.5)
