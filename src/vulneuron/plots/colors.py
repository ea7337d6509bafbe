"""Colors of figures: those of the dashboard's light theme, with which a test compares them."""

from collections.abc import Sequence

INK, MUTED, FAINT = "#16181d", "#5b6270", "#6b7280"
PANEL, SUNK, HAIR, AXIS = "#ffffff", "#f1f2f5", "#e4e6eb", "#c3c8d1"
#: The two images of a pair.
BENIGN, ADVERSARIAL = "#1572db", "#cc4e08"
#: Counts of the prediction matrix, from few to many.
MATRIX = ("#f3f3f6", "#3d3b57")
#: Vulnerability maps, from 0 to the largest value.
MAP = ("#faf8fa", "#e7cde0", "#c478aa", "#823478", "#30103e")
#: Chosen subtrees of the dendrogram.
GROUPS = ("#a8388a", "#0f7f78", "#8a6d00", "#7a4cc2", "#3d7f1e")
#: What a neuron does not capture is blended with this gray.
MASK = "#9aa0ab"
#: Classes in the order of their numbers; beyond these, colors repeat.
CLASSES = (
    "#c05880", "#ced51f", "#82955e", "#ad99fb", "#615114", "#1d989a", "#68e89a", "#f7b5ca", "#5f437f",
    "#1a6048", "#553322", "#aaddff", "#ccaa55", "#661144", "#bb8888", "#aa44aa", "#331199", "#cceecc",
    "#ff77bb", "#aa2244", "#77ffee", "#114455", "#887744", "#885566", "#88bb88", "#aaff77", "#ccaadd",
    "#558866", "#44ccaa", "#770000", "#223377", "#66aa99", "#ee9900", "#337777", "#6633bb", "#445533",
    "#bbcc77", "#008877", "#8877aa", "#bbbbff",
)  # fmt: skip


def class_colors(names: Sequence[str]) -> dict[str, str]:
    """Colors of the classes that occur in a record, which are given in the order of the network's outputs."""
    return {name: CLASSES[place % len(CLASSES)] for place, name in enumerate(names)}


def mixed(one: str, other: str, part: float) -> str:
    """The color between two others; `part` is that of the other, from 0 to 1."""
    pairs = zip(channels(one), channels(other), strict=True)
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in pairs)


def channels(color: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
