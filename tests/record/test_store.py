"""Records on disk: what is refused, what validation finds, and writers that share a record."""

import errno
import json
import multiprocessing
import re
import shutil
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import RecordError
from vulneuron.record import Outcome, create_record, open_record, remove_record, resume_record
from vulneuron.record.schema import RUN_VARIABLES, VERSION_KEY, to_pixels, to_stored, to_stored_adversarial

SHAPE = (3, 4, 5)


@pytest.fixture
def path(linear_record: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(linear_record, tmp_path / "run.zarr"))


def edit_attributes(path: Path, **changes: Any) -> None:
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"].update(changes)
    (path / "zarr.json").write_text(json.dumps(metadata))


def assert_refused(path: Path, message: str) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        open_record(path)
    assert "\n" not in str(caught.value)


def test_missing_path(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.zarr", "does not exist")


def test_empty_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path, "is no record: it has no zarr.json")


def test_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    assert_refused(tmp_path / "file", "is no record|cannot be read")


def test_foreign_zarr_group(tmp_path: Path) -> None:
    zarr.create_group(str(tmp_path / "other.zarr"))
    assert_refused(tmp_path / "other.zarr", "is a Zarr group, but no record")


def test_newer_schema(path: Path) -> None:
    edit_attributes(path, **{VERSION_KEY: 99})
    assert_refused(path, "written with schema 99.*pip install -U vulneuron")


def test_older_schema(path: Path) -> None:
    edit_attributes(path, **{VERSION_KEY: 1})
    assert_refused(path, "made with the older schema 1.*Run `vulneuron analyze` again")
    pictures, labels = color_pictures(a_class=10)
    options: dict[str, Any] = {"out": path, "class_names": CLASS_NAMES}
    with pytest.raises(RecordError, match="older schema 1"):
        vn.analyze(color_net(), pictures, labels, **options)
    assert vn.analyze(color_net(), pictures, labels, **options, overwrite=True).validate().sound


def test_truncated_metadata(path: Path) -> None:
    text = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(text[: len(text) // 2])
    assert_refused(path, "metadata of record .* cannot be read")


@pytest.mark.parametrize("name", ["layers/0/feature_map", "image", "logit", "benign_label", "run/outcome"])
def test_missing_array(path: Path, name: str) -> None:
    shutil.rmtree(path / name)
    assert_refused(path, f"truncated: its array '{name}' is missing")


def test_missing_layer(path: Path) -> None:
    shutil.rmtree(path / "layers" / "0")
    assert_refused(path, "truncated: its group 'layers/0' is missing")


@pytest.mark.parametrize("name", ["layers/0/feature_map", "layers/0/projection", "layers/0/weight", "image"])
def test_missing_chunk_is_not_read_as_zeros(path: Path, name: str) -> None:
    chunk = next(file for file in (path / name / "c").rglob("*") if file.is_file())
    chunk.unlink()
    assert_refused(path, f"truncated: its array '{name}' misses chunks")


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("benign_label", lambda values: (values + 1) % 3, "benign labels of pairs 0 to"),
        ("adversarial_label", lambda values: (values + 1) % 3, "adversarial labels of pairs 0 to"),
        ("layers/0/activation", lambda values: values * 1.1, "do not reproduce the logits"),
        ("perturbation_l2", lambda values: values * 1.1, "l2 norms of pairs 0 to"),
        ("layers/0/feature_map", lambda values: values * np.nan, "feature_map of pairs 0 to .* contain NaN"),
    ],
)
def test_validation_finds_damage(path: Path, name: str, change: Any, problem: str) -> None:
    assert open_record(path).validate().sound
    array: Any = zarr.open_group(str(path), mode="r+")[name]
    array[:] = change(array[:])
    problems = open_record(path).validate().problems
    assert any(re.search(problem, line) for line in problems), problems


def test_validation_compares_counts(path: Path) -> None:
    counts = dict(open_record(path).attributes["counts"])
    edit_attributes(path, counts={**counts, "pairs": 3, "successes": 1})
    problems = open_record(path).validate().problems
    assert len(problems) == 2
    assert problems[0].endswith("pairs, but its counts say 3")


def test_remove_takes_nothing_but_records(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError):
        remove_record(tmp_path)
    assert path.exists()
    remove_record(path)
    assert not path.exists()


def attributes(images: int) -> dict[str, Any]:
    return {
        "class_names": ["a", "b"],
        "image_shape": list(SHAPE),
        "images": images,
    }


LAYERS = {"conv": {"map_shape": [2, 2], "neurons": 6, "head": {"kind": "linear"}, "split_error": 0.0}}


def block_columns(block: int, size: int) -> dict[str, npt.NDArray[Any]]:
    """Run-table columns for a block of images; each block has its own value."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name, variable in RUN_VARIABLES.items():
        shape = (size, *SHAPE) if name == "adversarial" else (size,)
        columns[name] = np.full(
            shape, block + 1, dtype=variable.dtype if variable.dtype is not str else object
        )
    columns["outcome"] = np.full(size, Outcome.SUCCESS, dtype=np.uint8)
    return columns


def write_blocks(path: str, blocks: list[int], size: int, together: Barrier) -> None:
    writer = resume_record(path)
    together.wait(timeout=120)
    for block in blocks:
        writer.write_image_block(block, block_columns(block, size))


@pytest.mark.slow
def test_two_processes_that_write_disjoint_blocks_lose_nothing(tmp_path: Path) -> None:
    path, blocks, size = str(tmp_path / "shared.zarr"), 20, 3
    ids = np.array([f"image {i}" for i in range(blocks * size)], dtype=object)
    columns = {"image_id": ids, "image_index": np.arange(60), "true_label": np.zeros(60, dtype=np.int32)}
    create_record(path, attributes(60), LAYERS, columns, images_per_block=size)
    context = multiprocessing.get_context("spawn")
    # The other process is this one.
    together = context.Barrier(2)
    worker = context.Process(target=write_blocks, args=(path, list(range(0, blocks, 2)), size, together))
    worker.start()
    write_blocks(path, list(range(1, blocks, 2)), size, together)
    worker.join()
    assert worker.exitcode == 0
    writer = resume_record(path)
    assert writer.pending_image_blocks() == []
    np.testing.assert_array_equal(writer.run_table("benign_label"), np.repeat(np.arange(blocks) + 1, size))
    stored = writer.adversarial_pixels(np.arange(60))
    np.testing.assert_array_equal(stored[:, 0, 0, 0], np.repeat(np.arange(blocks) + 1, size))


@pytest.mark.slow
def test_full_disk_is_one_line_and_the_run_goes_on_later(
    linear_record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, left = zarr.storage.LocalStore.set, 0

    async def full(self: Any, *args: Any, **options: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        await original(self, *args, **options)

    pictures, labels = color_pictures(a_class=10)
    out = tmp_path / "full.zarr"
    for space, leaves_record in ((0, False), (5, False), (60, True)):
        left = space
        with monkeypatch.context() as patch:
            patch.setattr(zarr.storage.LocalStore, "set", full)
            with pytest.raises(RecordError, match="the disk is full") as caught:
                vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES)
        assert "\n" not in str(caught.value)
        assert out.exists() == leaves_record
    record = vn.analyze(color_net(), pictures, labels, out=out, class_names=CLASS_NAMES)
    np.testing.assert_array_equal(record.dataset["image"], open_record(linear_record).dataset["image"])


@given(hnp.arrays(np.uint8, (3, 4)))
def test_8bit_images_are_exact_on_the_grid(image: npt.NDArray[np.uint8]) -> None:
    pixels = (image / np.float32(255)).astype(np.float32)
    np.testing.assert_array_equal(to_pixels(to_stored(pixels)), pixels)


@given(
    hnp.arrays(np.float32, (2, 5), elements=st.floats(0, 1, width=32)),
    hnp.arrays(np.float32, (2, 5), elements=st.floats(0, 1, width=32)),
    st.integers(1, 64),
)
def test_storing_never_enlarges_a_perturbation(
    image: npt.NDArray[np.float32], other: npt.NDArray[np.float32], numerator: int
) -> None:
    benign = to_stored(image)
    eps = np.float32(numerator / 255)
    adversarial = np.clip(other, to_pixels(benign) - eps, to_pixels(benign) + eps).clip(0, 1)
    stored = to_stored_adversarial(adversarial, benign)
    steps = np.abs(stored.astype(np.int64) - benign.astype(np.int64))
    assert steps.max() <= numerator * 257
    assert (np.abs(to_pixels(stored) - adversarial) <= 1.01 / 65535).all()
