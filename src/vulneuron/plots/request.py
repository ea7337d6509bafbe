"""`FigureRequest`: a figure as one value, from which come the picture and the Python code that draws it."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vulneuron.analysis import Analysis, Settings
from vulneuron.analysis.settings import GROUPS
from vulneuron.measures import MEASURES
from vulneuron.plots.context_images import context
from vulneuron.plots.dendrogram import clusters
from vulneuron.plots.matrix import prediction_matrix
from vulneuron.plots.neuron_curves import neurons
from vulneuron.plots.neuron_pictures import neuron
from vulneuron.plots.overview import scatterplots
from vulneuron.plots.pair_grid import pairs

if TYPE_CHECKING:
    from vulneuron.plots.figure import Figure

_FUNCTIONS = (scatterplots, prediction_matrix, pairs, neurons, neuron, context, clusters)
#: The functions that draw figures, by their names.
FIGURES: Mapping[str, Callable[..., "Figure"]] = MappingProxyType({it.__name__: it for it in _FUNCTIONS})
_LINE = 88


@dataclass(frozen=True)
class FigureRequest:
    """One figure.

    Parameters
    ----------
    name
        Name of one of `FIGURES`.
    arguments
        Arguments of the function by name, without the analysis.
    settings
        Settings of the analysis.
    """

    name: str
    arguments: Mapping[str, Any]
    settings: Settings

    def draw(self, analysis: Analysis) -> "Figure":
        """Draw the figure.

        Parameters
        ----------
        analysis
            The analysis of a record; its settings are replaced by those of the figure.
        """
        return FIGURES[self.name](analysis.with_settings(self.settings), **self.arguments)

    def code(self, analysis: Analysis, file: str, scale: int = 1) -> str:
        """Python code that draws the figure and saves it.

        Parameters
        ----------
        analysis
            The analysis of a record.
        file
            Name of the file to save.
        scale
            Scale of a PNG.
        """
        from vulneuron.plots.figure import RESOLUTION

        record = analysis.record
        made = [_written(record.path)]
        if self._substitutes and not analysis.data.linear:
            # Substitution in front of this head needs the network.
            made.append(f"vn.load_classifier({_written(record.path)})")
        if analysis.layer != record.layers[-1]:
            made.append(f"layer={_written(analysis.layer)}")
        if changed := _changed_settings(self.settings):
            made.append(_call("settings=vn.Settings", changed))
        saved = [_written(file)] + ([f"dpi={RESOLUTION * scale}"] if file.endswith(".png") else [])
        lines = [
            "import vulneuron as vn",
            "from vulneuron import plots",
            "",
            _call("analysis = vn.Analysis", made),
            _call(f"figure = plots.{self.name}", ["analysis", *self._written_arguments()]),
            _call("figure.savefig", saved),
        ]
        return "\n".join(lines) + "\n"

    @property
    def _substitutes(self) -> bool:
        """Whether neurons are substituted."""
        sort = self.arguments.get("sort") or ""
        return bool(self.arguments.get("probabilities", self.name == "neuron")) or (
            sort in MEASURES and "network" in MEASURES[sort].needs
        )

    def _written_arguments(self) -> list[str]:
        """Arguments as they are written: required ones by position, others if they are not the default."""
        parameters = list(inspect.signature(FIGURES[self.name]).parameters.values())[1:]
        written = []
        for parameter in parameters:
            if parameter.name not in self.arguments:
                continue
            value = self.arguments[parameter.name]
            if parameter.kind is not parameter.KEYWORD_ONLY:
                written.append(_written(value))
            elif not _same(value, parameter.default):
                written.append(f"{parameter.name}={_written(value)}")
        return written


def _same(value: object, default: object) -> bool:
    """Whether a value is the default; an empty list is an empty tuple."""
    if isinstance(value, list | tuple) and isinstance(default, list | tuple):
        return list(value) == list(default)
    return value == default


def _written(value: object) -> str:
    """A value as Python code, with double quotes as Black writes it, and whole numbers without decimals."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        parts = ", ".join(map(_written, value))
        return f"[{parts}]" if isinstance(value, list) else f"({parts})"
    return repr(int(value) if isinstance(value, float) and value.is_integer() else value)


def _changed_settings(settings: Settings) -> list[str]:
    """Settings that are not the default, as arguments of `Settings`."""
    default = Settings()
    return [
        f"{name}={_written(value)}"
        for group in GROUPS
        for name, value in dict(getattr(settings, group)).items()
        if value != getattr(getattr(default, group), name)
    ]


def _call(function: str, arguments: list[str]) -> str:
    """A call, over several lines if it is long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LINE:
        return line
    indented = "".join(f"    {argument},\n" for argument in arguments)
    return f"{function}(\n{indented})"
