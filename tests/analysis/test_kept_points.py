"""Points of maps that were stopped: they are kept, and nobody computes them again."""

import errno
import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from torch import Tensor

import vulneuron as vn
from disks import failing_writes
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.analysis import Analysis, Settings, load_classifier
from vulneuron.engines import Batch, Dense, Engine, EngineName, Incremental, Watch
from vulneuron.errors import Cancelled, RecordError
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.stages import MapStage
from vulneuron.maps.vulnerability_map import VulnerabilityMaps
from vulneuron.network import Classifier
from vulneuron.record.map_points import MapPointSaver, MapPointStore

SIDE = 24
GRID = PatchGrid((SIDE, SIDE), 4)
POINTS = SIDE**2
#: Points of the first grid of a map in stages.
FIRST = POINTS // 4
PAIR = 3
Open = Callable[..., Analysis]
ENGINES: tuple[EngineName, ...] = ("dense", "incremental", "anytime")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("points") / "run.zarr"
    pictures, labels = color_pictures()
    # Larger, so that the first grid of a map is not all of it.
    pictures = pictures.repeat(2, axis=1).repeat(2, axis=2)
    vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES)
    return out


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "run.zarr"))


class Watched(Engine):
    """An engine with small batches, so that there is something to stop between, and what it computed."""

    def __init__(self, engine: Engine, computed: list[tuple[int, int]]) -> None:
        self._engine, self._computed = engine, computed

    @property
    def name(self) -> str:
        return self._engine.name

    def __call__(
        self,
        classifier: Classifier,
        benign: Tensor,
        adversarial: Tensor,
        centers: Tensor,
        *,
        patch: int,
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        for batch in self._engine(classifier, benign, adversarial, centers, patch=patch, batch_size=8):
            self._computed.extend((int(i), int(j)) for i, j in centers[batch.indices])
            yield batch


@pytest.fixture
def computed() -> list[tuple[int, int]]:
    """Centers of all patches that went through the network, by any engine."""
    return []


@pytest.fixture
def opened(computed: list[tuple[int, int]]) -> Open:
    def opened(path: Path, save_every: float = 2.0) -> Analysis:
        record = vn.open_record(path)
        engines: dict[str, Engine] = {
            "dense": Watched(Dense(), computed),
            "incremental": Watched(Incremental(), computed),
        }
        return Analysis(record, load_classifier(record, color_net()), engines=engines, save_every=save_every)

    return opened


def stop_after(analysis: Analysis, points: int, engine: EngineName = "incremental", **options: Any) -> None:
    done = 0

    def progress(now: int, _total: int) -> None:
        nonlocal done
        done = now

    with pytest.raises(Cancelled):
        analysis.vulnerability_maps(
            PAIR, engine=engine, watch=Watch(progress, lambda: done >= points), **options
        )


def changes(maps: VulnerabilityMaps) -> npt.NDArray[np.float64]:
    return np.stack([maps.benign_drop, maps.adversarial_gain])


def kept_files(path: Path, name: str = "points") -> list[Path]:
    chunks = path / "maps" / "patch_4_stride_1" / name / "c" / str(PAIR)
    return [file for file in chunks.rglob("*") if file.is_file()]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("incremental", "dense"),
        *[
            pytest.param(first, then, marks=pytest.mark.slow)
            for first, then in product(ENGINES, ("dense", "incremental"))
            if (first, then) != ("incremental", "dense")
        ],
    ],
)
def test_what_a_cancelled_run_computed_is_not_computed_again(
    opened: Open,
    template: Path,
    path: Path,
    computed: list[tuple[int, int]],
    first: EngineName,
    then: EngineName,
) -> None:
    stop_after(opened(path), 40, first)
    assert 40 <= len(computed) < 60
    assert not opened(path).has_maps(PAIR)
    reports: list[tuple[int, int]] = []
    maps = opened(path).vulnerability_maps(
        PAIR, engine=then, watch=Watch(lambda *report: reports.append(report))
    )
    assert len(computed) == len(set(computed)) == POINTS
    assert reports[0][0] > 40
    assert reports[-1] == (POINTS, POINTS)
    assert maps.engine == then
    whole = opened(Path(shutil.copytree(template, path.with_name("whole.zarr")))).vulnerability_maps(PAIR)
    np.testing.assert_allclose(changes(maps), changes(whole), rtol=0, atol=1e-6)


def test_anytime_maps_go_on_from_what_another_engine_computed(
    opened: Open, path: Path, computed: list[tuple[int, int]]
) -> None:
    stop_after(opened(path), 100, "dense")
    before = set(computed)
    stages: list[MapStage] = []
    maps = opened(path).vulnerability_maps(PAIR, engine="anytime", on_stage=stages.append)
    assert len(computed) == len(set(computed))
    # From the first stage on, all that was computed counts, wherever it lies.
    assert all(stage.computed[place] for place in before for stage in stages)
    exact = changes(opened(path).vulnerability_maps(PAIR))
    for place in before:
        np.testing.assert_allclose(changes(maps)[:, *place], exact[:, *place], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_another_top_mask_is_settled_from_the_points_of_the_last(
    opened: Open, path: Path, computed: list[tuple[int, int]]
) -> None:
    analysis = opened(path)
    analysis.vulnerability_maps(PAIR, engine="anytime", top=20)
    first = len(computed)
    assert FIRST <= first < POINTS
    for top, known in ((20.0, True), (60.0, False)):
        settings = Settings(engine="anytime", top=top)
        assert opened(path).has_maps(PAIR, settings=settings) == known
    opened(path).vulnerability_maps(PAIR, engine="anytime", top=20)
    assert len(computed) == first
    again: list[MapStage] = []
    opened(path).vulnerability_maps(PAIR, engine="anytime", top=60, on_stage=again.append)
    assert len(computed) == len(set(computed))
    # Nothing had to be computed for its first stage, so there is no preview.
    assert again[0].name != "preview"
    assert again[0].computed.sum() == first
    assert opened(path).has_maps(PAIR, settings=Settings(engine="anytime", top=60))


def test_anytime_maps_of_earlier_versions_are_those_of_the_usual_percentage(opened: Open, path: Path) -> None:
    opened(path).vulnerability_maps(PAIR, engine="anytime")
    stored = path / "maps" / "patch_4_stride_1" / "anytime"
    text = (stored / "zarr.json").read_text()
    assert '"top": 20.0' in text
    (stored / "zarr.json").write_text(text.replace('"top": 20.0', '"other": 1'))
    assert opened(path).has_maps(PAIR, settings=Settings(engine="anytime"))
    assert not opened(path).has_maps(PAIR, settings=Settings(engine="anytime", top=21))


def test_points_are_dropped_when_the_map_is_exact(opened: Open, path: Path) -> None:
    stop_after(opened(path), 20, "dense")
    assert len(kept_files(path)) == 1
    opened(path).vulnerability_maps(PAIR)
    assert not kept_files(path)
    # Maps that are computed at once leave nothing, either.
    opened(path).vulnerability_maps(4)
    assert not list((path / "maps" / "patch_4_stride_1" / "points").glob("c/4/**/*.*"))
    assert vn.open_record(path).validate().sound


@pytest.mark.slow
def test_a_killed_run_leaves_what_it_saved(
    opened: Open, path: Path, tmp_path: Path, computed: list[tuple[int, int]]
) -> None:
    left = tmp_path / "left.zarr"

    def copy_files(done: int, _total: int) -> None:
        # What is on the disk now is what a kill would leave.
        if done >= 48 and not left.exists():
            shutil.copytree(path, left)

    watch = Watch(copy_files, cancelled=left.exists)
    with pytest.raises(Cancelled):
        opened(path, save_every=0.0).vulnerability_maps(PAIR, engine="dense", watch=watch)
    computed.clear()
    maps = opened(left).vulnerability_maps(PAIR)
    # Progress is told before a batch is saved: the last one is lost.
    assert len(computed) == POINTS - 40
    record = vn.open_record(left)
    expected = vn.vulnerability_maps(
        Classifier(color_net(), input_shape=(3, SIDE, SIDE)),
        vn.ImagePair(
            record.images(PAIR, "benign"),
            record.images(PAIR, "adversarial"),
            int(record.dataset["benign_label"][PAIR]),
            int(record.dataset["adversarial_label"][PAIR]),
        ),
    )
    np.testing.assert_allclose(changes(maps), changes(expected), rtol=0, atol=1e-6)


def test_points_are_saved_on_the_way_but_not_with_every_batch(path: Path) -> None:
    now, written = 0.0, []

    class Store(MapPointStore):
        def write(self, pair: int, changes: npt.NDArray[np.float64]) -> None:
            written.append((pair, now, int(np.isfinite(changes[0]).sum())))

    saver = MapPointSaver(Store(vn.open_record(path), 4, 1), PAIR, seconds=2.0, clock=lambda: now)
    points = np.full((2, SIDE, SIDE), np.nan)
    for batch in range(12):
        now += 0.75
        points.reshape(2, -1)[:, 8 * batch : 8 * batch + 8] = 1.0
        saver(points)
    # The clock is at 2.25 after three batches.
    assert written == [(PAIR, 2.25 * time, 24 * time) for time in range(1, 5)]


def test_points_of_two_processes_add_up(path: Path) -> None:
    one, two = (MapPointStore(vn.open_record(path), 4, 1) for _ in range(2))
    values = np.full((2, SIDE, SIDE), np.nan)
    values[:, 0], expected = 1.0, values.copy()
    assert one.read(PAIR) is None
    one.write(PAIR, values)
    values[:, 0], values[:, 5] = np.nan, 2.0
    expected[:, 0], expected[:, 5] = 1.0, 2.0
    two.write(PAIR, values)
    for store in (one, two, MapPointStore(vn.open_record(path), 4, 1)):
        np.testing.assert_array_equal(store.read(PAIR), expected)
        np.testing.assert_array_equal(store.read(PAIR + 1), np.full((2, SIDE, SIDE), np.nan))


def damage_file(files: list[Path], damage: str) -> None:
    """Damage the one chunk that is kept; and leave a write that was not finished, which has another name."""
    (chunk,) = files
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"lost": b"", "cut": bytes(content[: len(content) // 2]), "changed": bytes(content)}
    chunk.write_bytes(damaged[damage])
    chunk.with_suffix(".1234.partial").write_bytes(b"half")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["lost", "cut", "changed"])
def test_points_that_the_disk_has_lost_are_computed_again(
    opened: Open, path: Path, computed: list[tuple[int, int]], damage: str
) -> None:
    stop_after(opened(path), 40, "dense")
    damage_file(kept_files(path), damage)
    before = len(computed)
    opened(path).vulnerability_maps(PAIR, engine="anytime")
    assert len(set(computed[before:]) & set(computed[:before])) > 0
    again = MapPointStore(vn.open_record(path), 4, 1).read(PAIR)
    assert again is not None
    assert np.isfinite(again[0]).sum() == len(set(computed[before:]))


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["lost", "cut", "changed"])
def test_maps_that_the_disk_has_lost_are_computed_again(opened: Open, path: Path, damage: str) -> None:
    expected = changes(opened(path).vulnerability_maps(PAIR))
    damage_file(kept_files(path, "incremental"), damage)
    analysis = opened(path)
    assert not analysis.has_maps(PAIR)
    assert analysis.pairs_with_maps().tolist() == []
    np.testing.assert_allclose(changes(analysis.vulnerability_maps(PAIR)), expected, rtol=0, atol=1e-6)
    assert opened(path).pairs_with_maps().tolist() == [PAIR]


@pytest.mark.parametrize("asked", ["incremental", "anytime"])
def test_exact_maps_take_the_place_of_estimates(opened: Open, path: Path, asked: EngineName) -> None:
    analysis = opened(path)
    settings = Settings(engine=asked)
    analysis.vulnerability_maps(PAIR, engine="anytime")
    if asked == "anytime":
        analysis.neurons(PAIR, settings=settings)
    exact = analysis.vulnerability_maps(PAIR, engine="dense")
    assert analysis.vulnerability_maps(PAIR, engine=asked).engine == "dense"
    table, top = analysis.neurons(PAIR, settings=settings), analysis.top_masks(PAIR, settings=settings)
    assert changes(exact).any()
    masks = analysis.masks(PAIR, settings=settings).benign
    expected = [(mask & top.benign_drop).sum() / max((mask | top.benign_drop).sum(), 1) for mask in masks]
    np.testing.assert_allclose(table["iou_benign_drop"], expected, atol=1e-6)


def test_a_record_that_cannot_be_written_to_keeps_points_in_memory(
    opened: Open, path: Path, computed: list[tuple[int, int]]
) -> None:
    analysis = opened(path)
    with failing_writes(errno.EROFS):
        stop_after(analysis, 40, "dense")
        analysis.vulnerability_maps(PAIR)
    assert len(computed) == len(set(computed)) == POINTS
    assert not (path / "maps").exists()


def test_the_reason_of_a_stop_is_not_hidden_by_a_full_disk(
    opened: Open, path: Path, computed: list[tuple[int, int]]
) -> None:
    with failing_writes(errno.ENOSPC):
        stop_after(opened(path), 20, "dense")
    assert computed


def test_a_full_disk_stops_no_map_on_its_way(
    opened: Open, path: Path, computed: list[tuple[int, int]]
) -> None:
    analysis = opened(path, save_every=0.0)
    with failing_writes(errno.ENOSPC):
        with pytest.raises(RecordError, match="No space left"):
            analysis.vulnerability_maps(PAIR)
        before = len(set(computed))
        maps = analysis.vulnerability_maps(PAIR)
    assert np.isfinite(changes(maps)).all()
    assert len(set(computed)) == before


def test_points_are_not_written_into_a_record_that_took_the_place(path: Path) -> None:
    store = MapPointStore(vn.open_record(path), 4, 1)
    zarr.open_group(path, mode="r+").attrs["created"] = "another time"
    with pytest.raises(RecordError, match="another record"):
        store.write(PAIR, np.zeros((2, SIDE, SIDE)))
    assert not kept_files(path)


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [0, 1, 200])
def test_exact_maps_are_watched_in_the_order_of_the_top_mask(
    opened: Open, path: Path, computed: list[tuple[int, int]], stopped: int
) -> None:
    if stopped:
        stop_after(opened(path), stopped, on_stage=lambda _: None)
    seen: list[MapStage] = []
    maps = opened(path).vulnerability_maps(PAIR, on_stage=seen.append)
    assert maps.engine == "incremental"
    assert [stage.name for stage in seen][-1] == "exact"
    assert (seen[0].name == "preview") == (stopped < FIRST)
    assert len(seen) > 1
    points = [int(stage.computed.sum()) for stage in seen]
    assert points == sorted(points)
    assert points[0] >= stopped
    assert points[-1] == POINTS
    np.testing.assert_allclose(changes(maps), changes(seen[-1].maps), rtol=0, atol=1e-6)
    assert len(computed) == len(set(computed)) == POINTS
