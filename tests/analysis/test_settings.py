"""Settings: declared once, checked everywhere, and each number depends on its own group only."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vulneuron as vn
from vulneuron.analysis.declarations import Integer, Number, OneOf
from vulneuron.analysis.settings import GROUPS, SETTINGS
from vulneuron.errors import MeasureError
from vulneuron.measures.clustering import Distances
from vulneuron.measures.distances import DISTANCES, iou_distances, neuron_distance

PAGE = Path(__file__).parents[2] / "docs" / "measures.md"
BAD: dict[str, list[Any]] = {
    "confidence": [0, 1, -0.5, float("nan")],
    "threshold_level": [float("inf"), float("nan")],
    "patch": [0, -4, 3, 4.5],
    "stride": [0, -1, 1.5],
    "top": [0, -1, 101, float("nan")],
}


def values(name: str) -> list[Any]:
    """Some allowed values that are not the default."""
    setting = SETTINGS[name]
    if isinstance(setting, OneOf):
        return list(setting.choices)
    return [2, 4] if isinstance(setting, Integer) else [0.25, 0.5]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_set_and_replaced_by_its_name(name: str) -> None:
    (group,) = (group for group, kind in GROUPS.items() if name in kind.model_fields)
    for value in values(name):
        settings = vn.Settings(**{name: value})
        assert getattr(getattr(settings, group), name) == value
        assert settings == vn.Settings().replace(**{name: value})
        assert hash(settings) == hash(vn.Settings().replace(**{name: value}))
        assert settings == vn.Settings().replace(**{group: GROUPS[group](**{name: value})})
        for other in GROUPS.keys() - {group}:
            assert getattr(settings, other) == getattr(vn.Settings(), other)


@pytest.mark.parametrize("name", SETTINGS)
def test_bad_values_are_one_line(name: str) -> None:
    bad = [*BAD.get(name, []), "no such value", [1]]
    for value in bad if SETTINGS[name].null else [*bad, None]:
        with pytest.raises(MeasureError, match=re.escape(f"given {name} = {value!r}. Allowed: ")) as caught:
            vn.Settings(**{name: value})
        assert "\n" not in str(caught.value)


def test_near_misses_are_named() -> None:
    with pytest.raises(MeasureError, match=r"given the setting 'strid'.*Perhaps you mean stride"):
        vn.Settings(strid=2)
    with pytest.raises(MeasureError, match=r"given the setting 'strid'.*Perhaps you mean stride"):
        GROUPS["vmaps"].model_validate({"strid": 2})
    with pytest.raises(MeasureError, match="Perhaps you mean quantile"):
        vn.Settings(band="quantil")
    with pytest.raises(MeasureError, match=r"given curves = 3.*a CurveSettings"):
        vn.Settings(curves=3)  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match=r"given relative threshold 1.5.*0 to 1"):
        vn.Settings(threshold_mode="relative", threshold_level=1.5)


@pytest.mark.parametrize("name", SETTINGS)
def test_declarations_are_complete(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.label
    assert setting.meaning.endswith(".")
    assert isinstance(setting, OneOf | Number)
    for choice in setting.choices.values():
        assert choice.label
        assert not choice.meaning.endswith(".")
        assert choice.implies.keys() <= SETTINGS.keys()


def test_names_are_unique() -> None:
    assert sum(len(kind.model_fields) for kind in GROUPS.values()) == len(SETTINGS)


def documented() -> str:
    """The section of the documentation that lists all settings."""
    lines = []
    for group, kind in GROUPS.items():
        lines += ["", f"### {kind.__doc__}".rstrip("."), "", f"`Settings.{group}`", ""]
        lines += ["| setting | meaning | values | default |", "|---|---|---|---|"]
        for name, setting in kind.declared().items():
            default = kind.model_fields[name].default
            words = [f"`{word}`: {choice.meaning}" for word, choice in setting.choices.items()]
            allowed = ". ".join(words) if isinstance(setting, OneOf) else setting.allowed
            shown = setting.null if default is None else f"`{default}`"
            lines.append(f"| `{name}` | {setting.meaning} | {allowed} | {shown} |")
    return "\n".join([*lines, "", ""])


def test_the_documentation_lists_all_settings(pytestconfig: pytest.Config) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition("<!-- settings: written by pytest tests/analysis --update -->\n")
    table, end, after = rest.partition("<!-- end of settings -->\n")
    if pytestconfig.getoption("--update"):
        PAGE.write_text(before + begin + documented() + end + after, encoding="utf-8")
    else:
        assert table == documented()


@pytest.fixture
def counted() -> Iterator[list[int]]:
    """A distance, the calls of which are counted: clustering computes it once for each dendrogram."""
    calls: list[int] = []

    def distance(*masks: Any) -> Distances:
        calls.append(1)
        return iou_distances(*masks)

    neuron_distance("counted", "counted", "Counts", sources=("masks",), linkage="average")(distance)
    yield calls
    del DISTANCES["counted"]


def test_neurons_are_clustered_again_only_for_settings_of_clusters_and_fields(
    linear_record: Path, counted: list[int]
) -> None:
    analysis, settings = vn.Analysis(linear_record), vn.Settings(distance="counted")
    first = analysis.dendrogram(0, settings=settings)
    for name in SETTINGS:
        for value in values(name):
            changed = settings.replace(**{name: value})
            fields, clusters = changed.fields, changed.clusters
            again = analysis.dendrogram(0, settings=changed)
            if (fields, clusters) == (settings.fields, settings.clusters):
                assert again is first, name
    assert sum(counted) == len({(c.fields, c.clusters) for c in _all_changed(settings)})


def _all_changed(settings: vn.Settings) -> list[vn.Settings]:
    changed = [settings.replace(**{name: value}) for name in SETTINGS for value in values(name)]
    return [settings, *(one for one in changed if one.clusters.distance == "counted")]


def test_a_new_distance_is_a_setting_and_knows_its_linkage(linear_record: Path, counted: list[int]) -> None:
    settings = vn.Settings(distance="counted")
    assert settings.clusters.method == "average"
    assert settings.replace(linkage="single").clusters.method == "single"
    tree = vn.Analysis(linear_record).dendrogram(1, settings=settings)
    expected = vn.Analysis(linear_record).dendrogram(1, settings=vn.Settings(distance="iou"))
    assert (tree.linkage == expected.linkage).all()
    assert sum(counted) == 1
    with pytest.raises(ValueError, match="there is a distance 'iou' already"):
        neuron_distance("iou", "", "", sources=("masks",), linkage="ward")(iou_distances)
