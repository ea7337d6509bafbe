"""Fills the files of a report with what a server would respond, so its numbers are those of `Analysis`."""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vulneuron.analysis import LIKENESSES, RANKS, Settings
from vulneuron.measures import MEASURES, SIDES
from vulneuron.measures.clustering import Dendrogram
from vulneuron.server import dto, record_models
from vulneuron.server.map_models import MapState
from vulneuron.server.parsing import format_numbers
from vulneuron.server.report.chunk import Chunk
from vulneuron.server.report.contents import CONTEXT_PAIRS, ReportContents
from vulneuron.server.responses import cell_of, difference, sprite, to_png
from vulneuron.server.routes.context import get_context
from vulneuron.server.routes.overview import get_nearest_pairs
from vulneuron.server.saved_models import SavedModel
from vulneuron.server.summary import RESAMPLES

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

#: Longer side of thumbnails, and of context images that are not pairs of the report.
_THUMBNAIL = 128
#: Most pairs of a cell whose means are in the report.
_MOST_MEANS = 2000
#: The folders of an absolute path, but not of a URL.
_FOLDERS = re.compile(r"(?<![\w:/\\.])(?:[A-Za-z]:)?[/\\](?:[^/\\:?,]+[/\\])+")


def record_chunk(contents: ReportContents, name: str, context_pairs: Ints) -> Chunk:
    """What the page loads first: the summary, all pairs as points, thumbnails, and means over several pairs.

    Parameters
    ----------
    contents
        Contents of the report.
    name
        Name of the record in the page's address.
    context_pairs
        Pairs whose thumbnails are needed, although they may not be pairs of the report.
    """
    layer = contents.layer
    chunk = Chunk()
    chunk.add_json("summary", _summary(contents, name))
    chunk.add_array("pairs", layer.pair_table)
    chunk.add_array("matrix", layer.matrix)
    chunk.add_json("image_names", layer.record.pairs["image_id"].astype(str).tolist())
    chunk.add_json("saved", _saved(contents))
    stored = layer.analysis.pairs_with_maps(settings=contents.first)
    chunk.add_json("stored", format_numbers(stored.tolist()))
    shown = np.union1d(contents.pairs, context_pairs)
    height, width = layer.analysis.data.image_size
    cell = cell_of(width, height, _THUMBNAIL)
    chunk.add_json("thumbnails", {"pairs": shown.tolist(), "width": cell.width, "height": cell.height})
    for pair in shown:
        chunk.add_picture(f"thumbnails/{pair}", sprite(layer.pixels.read(np.array([pair])), cell))
    _add_means(chunk, contents)
    return chunk


def pair_chunk(contents: ReportContents, pair: int, context_neurons: list[int]) -> Chunk:
    """Everything that the page shows of one pair."""
    layer = contents.layer
    chunk = Chunk()
    chunk.add_json("pair", layer.pair(pair))
    _add_images(chunk, contents, pair)
    asked = (dto.NearestRequest(by=by, curves=contents.first.curves) for by in LIKENESSES)
    chunk.add_json("nearest", {one.by: get_nearest_pairs(layer, pair, one).model_dump() for one in asked})
    _add_neurons(chunk, contents, pair)
    for place, level in enumerate(contents.levels):
        masks = layer.analysis.masks(pair, settings=level.settings)
        chunk.add_masks(f"masks/{place}", np.stack([masks.benign, masks.adversarial], axis=1))
        tree = layer.analysis.dendrogram(pair, settings=level.settings)
        chunk.add_array(f"dendrogram/{place}", tree.linkage)
    _add_substitutions(chunk, contents, pair, context_neurons)
    _add_maps(chunk, contents, pair)
    _add_context(chunk, contents, pair, context_neurons)
    return chunk


def context_pairs(contents: ReportContents, pair: int, neurons: list[int]) -> set[int]:
    """Pairs that are context images of some neurons."""
    return {other for neuron in neurons for other in _context(contents, pair, neuron).pairs}


def _summary(contents: ReportContents, name: str) -> record_models.RecordSummary:
    whole, analysis = contents.layer.summary, contents.layer.analysis
    choices, first = whole.context, int(contents.pairs[0])
    missing = "a report has no network"
    return whole.model_copy(
        update={
            "id": name,
            "model": _without_folders(whole.model),
            "provenance": {fact: _without_folders(text) for fact, text in whole.provenance.items()},
            "layers": [one for one in whole.layers if one.name == whole.layer],
            "network": record_models.NetworkModel(state="missing", message=missing),
            "defaults": record_models.SettingsModel(**vars(contents.first)),
            "context": record_models.ContextChoices(
                orders=choices.orders[:1], scopes=choices.scopes[:1], counts=[CONTEXT_PAIRS]
            ),
            "first_view": record_models.FirstView(
                benign=int(analysis.data.benign_label[first]),
                adversarial=int(analysis.data.adversarial_label[first]),
                pair=first,
                neuron=contents.layer.first_neuron(first),
            ),
            "report": record_models.ReportModel(
                pairs=sorted(contents.pairs.tolist()),
                values={setting: list(values) for setting, values in contents.values.items()},
            ),
        }
    )


def _saved(contents: ReportContents) -> SavedModel:
    """The findings about pairs of the report, and the groups, if the report has them."""
    saved, layer = SavedModel.of(contents.layer), contents.layer.analysis.layer
    of_report = [
        one for one in saved.findings if one.layer == layer and one.pair in set(contents.pairs.tolist())
    ]
    return SavedModel(
        unwritable="a report cannot be changed",
        findings=of_report if contents.findings else [],
        groups=[one for one in saved.groups if one.layer in (None, layer)] if contents.findings else [],
    )


def _without_folders(text: str) -> str:
    """A text whose absolute paths end with their last part, as the folders of a machine are nobody else's."""
    return _FOLDERS.sub("", text)


def _add_images(chunk: Chunk, contents: ReportContents, pair: int) -> None:
    images = contents.layer.analysis.data.images(pair)
    pixels = contents.layer.pixels.read(np.array([pair]))[0]
    for side, of_side in zip(SIDES, pixels, strict=True):
        chunk.add_picture(f"images/{side}", to_png(of_side))
    chunk.add_picture("images/difference", to_png(difference(images.benign, images.adversarial)))


def _table(contents: ReportContents, pair: int, settings: Settings) -> Doubles:
    """``(column, neuron)`` as the route of the neurons returns it."""
    table = contents.layer.analysis.neurons(pair, settings=settings)
    return np.asarray(table.reindex(columns=list(MEASURES)).to_numpy(np.float64).T)


def _add_neurons(chunk: Chunk, contents: ReportContents, pair: int) -> None:
    """The table of neurons, and the columns that change with settings."""
    first = _table(contents, pair, contents.first)
    for place, values in enumerate(first):
        chunk.add_array(f"neurons/{place}", values)
    changes = {}
    for variation in (*contents.curves, *contents.overlaps):
        if not variation.key:
            continue
        table = _table(contents, pair, variation.settings)
        changed = np.flatnonzero(~((table == first) | (np.isnan(table) & np.isnan(first))).all(axis=1))
        changes[variation.key] = changed.tolist()
        for column in changed.tolist():
            chunk.add_array(f"neurons/{column}/{variation.key}", table[column])
    chunk.add_json("changes", changes)


def _add_substitutions(chunk: Chunk, contents: ReportContents, pair: int, neurons: list[int]) -> None:
    """Substitutions of single neurons, and of all neurons below each branch of the first view's dendrogram.

    Unless the head is linear, only those of `neurons`, if there is a network.
    """
    layer = contents.layer
    if layer.analysis.data.linear:
        tree = layer.analysis.dendrogram(pair, settings=contents.first)
        sets = [*([neuron] for neuron in range(layer.analysis.data.neurons)), *_branches(tree)]
    elif layer.analysis.network.ready:
        # Each one runs the network.
        sets = [[neuron] for neuron in neurons]
    else:
        return
    shown = layer.pair(pair).probabilities
    labels = {side: [one.label for one in getattr(shown, side)] for side in SIDES}
    rows = []
    for one_set in sets:
        effects = {side: layer.analysis.substitute(pair, one_set, into=side) for side in SIDES}
        rows.append(
            [
                [
                    effect.benign_drop,
                    effect.adversarial_gain,
                    effect.logits.argmax(),
                    *softmax(effect.logits)[labels[side]],
                ]
                for side, effect in effects.items()
            ]
        )
    chunk.add_json("sets", [format_numbers(one_set) for one_set in sets])
    chunk.add_array("substitutions", np.array(rows, np.float64))


def _branches(tree: Dendrogram) -> Iterator[list[int]]:
    """Neurons below each branch."""
    below: list[list[int]] = [[neuron] for neuron in range(len(tree.linkage) + 1)]
    for left, right in tree.linkage[:, :2].astype(int):
        below.append(below[left] + below[right])
        yield below[-1]


def _add_maps(chunk: Chunk, contents: ReportContents, pair: int) -> None:
    layer, first = contents.layer, contents.first
    grid = layer.grid(first.vmaps)
    ready = layer.analysis.has_maps(pair, settings=first)
    state = MapState(
        ready=ready, can_compute=False, patch=grid.patch, stride=grid.stride, grid=list(grid.shape)
    )
    chunk.add_json("map_state", state)
    if not ready:
        return
    maps = layer.analysis.vulnerability_maps(pair, settings=first)
    chunk.add_array("maps", np.stack([maps.benign_drop, maps.adversarial_gain]))
    for place, top in enumerate(contents.tops):
        masks = layer.analysis.top_masks(pair, settings=top.settings)
        chunk.add_masks(f"top/{place}", np.stack([masks.benign_drop, masks.adversarial_gain]))


def _context(contents: ReportContents, pair: int, neuron: int) -> dto.ContextModel:
    choices = contents.layer.summary.context
    order, scope = choices.orders[0].value, choices.scopes[0].value
    chosen = {"neuron": neuron, "order": order, "scope": scope, "count": CONTEXT_PAIRS}
    return get_context(contents.layer, pair, dto.ContextRequest(**chosen, curves=contents.first.curves))  # type: ignore[arg-type]


def _add_context(chunk: Chunk, contents: ReportContents, pair: int, neurons: list[int]) -> None:
    models = {neuron: _context(contents, pair, neuron) for neuron in neurons}
    chunk.add_json("context", {neuron: model.model_dump() for neuron, model in models.items()})
    for neuron, model in models.items():
        if model.pairs:
            masks = contents.layer.analysis.neuron_masks(neuron, model.pairs, settings=contents.first)
            chunk.add_masks(f"context/{neuron}", np.stack([masks.benign, masks.adversarial], axis=1))


def _add_means(chunk: Chunk, contents: ReportContents) -> None:
    """Means over the pairs of the report and of their cells, and the ranks by each measure."""
    sets = {format_numbers(pairs.tolist()): pairs for pairs in [contents.pairs, *contents.cells]}
    known = {text: pairs for text, pairs in sets.items() if len(pairs) <= _MOST_MEANS}
    analysis, columns = contents.layer.analysis, [*MEASURES]
    ranked: dict[str, list[str]] = {}
    for place, (text, pairs) in enumerate(known.items()):
        table = analysis.mean_neurons(pairs, settings=contents.first)
        means = table.reindex(columns=columns).to_numpy(np.float64).T
        for column, values in enumerate(means):
            chunk.add_array(f"means/{place}/{column}", values)
        ranked[text] = [name for name in MEASURES.sortable_names if table[name].notna().any()]
        for name in ranked[text]:
            ranks = analysis.rank(
                pairs, sort_by=name, columns=[name], settings=contents.first, resamples=RESAMPLES
            )
            chunk.add_array(f"ranks/{place}/{name}", ranks[list(RANKS)].to_numpy(np.float64).T)
    chunk.add_json("ranked", ranked)
