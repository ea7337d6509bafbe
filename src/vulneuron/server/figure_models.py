"""JSON bodies of requests for figures; their fields are the arguments of the functions that draw them."""

import inspect
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from vulneuron.analysis import (
    ClusterSettings,
    CurveSettings,
    FieldSettings,
    Settings,
    VulnerabilityMapSettings,
)
from vulneuron.plots.request import FIGURES, FigureRequest
from vulneuron.server.dto import Model

FigureFormat = Literal["svg", "pdf", "png"]


def _arguments_model(name: str, function: Callable[..., Any]) -> type[Model]:
    """Arguments of a function that draws figures, without its first one, the analysis."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    fields: dict[str, Any] = {
        parameter.name: (
            parameter.annotation,
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for parameter in parameters
    }
    title = "".join(word.capitalize() for word in name.split("_"))
    fields["figure"] = (Literal[name], ...)
    return create_model(f"{title}Figure", __base__=Model, **fields)


_Figures = reduce(or_, [_arguments_model(name, function) for name, function in FIGURES.items()])


if TYPE_CHECKING:
    _AnyFigure = Any
else:
    _AnyFigure = _Figures


class FigureBody(Model):
    """A figure, and the settings of the analysis that it is drawn from."""

    figure: Annotated[_AnyFigure, Field(discriminator="figure")]
    curves: CurveSettings = CurveSettings()
    fields: FieldSettings = FieldSettings()
    vmaps: VulnerabilityMapSettings = VulnerabilityMapSettings()
    clusters: ClusterSettings = ClusterSettings()

    @property
    def request(self) -> FigureRequest:
        """The figure as one value."""
        given = {name: value for name, value in self.figure if name != "figure"}
        settings = Settings(curves=self.curves, fields=self.fields, vmaps=self.vmaps, clusters=self.clusters)
        return FigureRequest(self.figure.figure, given, settings)


class FigureCode(Model):
    """Python code that draws a figure."""

    code: str
