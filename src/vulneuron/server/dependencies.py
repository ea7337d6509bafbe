"""Dependencies of routes: the state of the server, and the record, pair and settings in a URL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Query, Request

from vulneuron.analysis import ClusterSettings, CurveSettings, FieldSettings, VulnerabilityMapSettings
from vulneuron.analysis.declarations import SettingsGroup
from vulneuron.server.jobs import Jobs
from vulneuron.server.library import Library
from vulneuron.server.listing_updates import ListingUpdates
from vulneuron.server.maps_job import MapsProgress
from vulneuron.server.parsing import unknown
from vulneuron.server.sessions import Sessions
from vulneuron.server.summary import OpenedLayer


@dataclass(frozen=True)
class State:
    """The state of one server.

    Attributes
    ----------
    library
        Its records.
    jobs
        Its jobs.
    sessions
        Its sessions.
    listings
        Changes of the list of its records.
    maps_progress
        Creates the progress reporter of vulnerability maps.
    """

    library: Library
    jobs: Jobs
    sessions: Sessions
    listings: ListingUpdates
    maps_progress: Callable[..., MapsProgress] = MapsProgress

    def end_streams(self) -> None:
        """Cancel all jobs and end all streams of events, so no connection stays open."""
        self.sessions.close()
        self.listings.close()
        self.jobs.cancel_all()

    def close(self) -> bool:
        """Stop everything; returns False if something still runs, such as a network that is being loaded."""
        self.end_streams()
        ended = self.jobs.join()
        return self.library.close() and ended


def state_of(request: Request) -> State:
    """State of the server that handles a request."""
    state: State = request.app.state.server
    return state


ServerState = Annotated[State, Depends(state_of)]


def layer_in_url(
    record: Annotated[str, Path(description="Name of a record.")],
    state: ServerState,
    layer: Annotated[
        str | None, Query(description="Target layer of the neurons; by default the record's last one.")
    ] = None,
) -> Iterator[OpenedLayer]:
    """Record and layer in a URL; storage errors while it is read become one line."""
    with state.library[record].reading() as opened:
        yield opened.at(layer)


LayerInUrl = Annotated[OpenedLayer, Depends(layer_in_url)]


def pair_in_url(pair: Annotated[int, Path(description="Number of a pair.")], layer: LayerInUrl) -> int:
    """Pair in a URL, if the record has it."""
    count = layer.analysis.data.count
    if not 0 <= pair < count:
        raise unknown("pair", pair, count)
    return pair


PairInUrl = Annotated[int, Depends(pair_in_url)]


Group = TypeVar("Group", bound=SettingsGroup)


def _in_query(group: type[Group]) -> Callable[..., Group]:
    """Dependency that reads a group of settings from the query of a URL, which may have other parameters."""
    model = type(
        f"{group.__name__}Query", (group,), {"__doc__": group.__doc__, "model_config": {"extra": "ignore"}}
    )

    def settings(chosen: Annotated[Any, Query()]) -> Group:
        return group(**dict(chosen))

    settings.__annotations__["chosen"] = Annotated[model, Query()]
    return settings


CurveQuery = Annotated[CurveSettings, Depends(_in_query(CurveSettings))]
FieldQuery = Annotated[FieldSettings, Depends(_in_query(FieldSettings))]
MapQuery = Annotated[VulnerabilityMapSettings, Depends(_in_query(VulnerabilityMapSettings))]
ClusterQuery = Annotated[ClusterSettings, Depends(_in_query(ClusterSettings))]
