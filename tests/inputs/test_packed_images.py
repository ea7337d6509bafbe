"""Images with labels in tables, rows of dicts, Parquet files and WebDataset's shards."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inputs.loading import load_images
from vulneuron.errors import ImagesError
from vulneuron.inputs.images import open_images

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
LABELS = [2, 0, 1, 1]
ANIMALS = ("cat", "dog", "owl")


def encoded(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def check(source: object, names: tuple[str, ...] | None = ANIMALS, **options: Any) -> None:
    images = load_images(source, classes=3, **options)
    expected = PIXELS.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(images.load(range(4)), expected)
    assert images.labels is not None
    assert images.labels.tolist() == LABELS
    assert images.class_names == names


class Rows:
    """Like a data set of Hugging Face."""

    def __init__(self, row: Callable[[int], dict[str, Any]], *, named: bool = True) -> None:
        self._row = row
        self.column_names = list(row(0))
        label = SimpleNamespace(names=list(ANIMALS)) if named else object()
        self.features = {"image": object(), "label": label}

    def __len__(self) -> int:
        return 4

    def __getitem__(self, key: int | str) -> Any:
        return self._row(key) if isinstance(key, int) else [self._row(index)[key] for index in range(4)]


@pytest.mark.parametrize(
    "row",
    [
        lambda index: {"image": Image.fromarray(PIXELS[index]), "label": LABELS[index]},
        lambda index: {"label": LABELS[index], "id": index, "img": PIXELS[index]},
        lambda index: {"image": {"bytes": encoded(PIXELS[index]), "path": "a.png"}, "label": LABELS[index]},
        lambda index: {"image": encoded(PIXELS[index]), "label": LABELS[index]},
    ],
)
def test_rows_as_dicts(row: Callable[[int], dict[str, Any]]) -> None:
    check(Rows(row))
    check(Rows(row, named=False), None)


def test_rows_with_names_as_labels() -> None:
    check(Rows(lambda index: {"image": PIXELS[index], "label": ANIMALS[LABELS[index]]}, named=False))
    check([(PIXELS[index], ANIMALS[LABELS[index]]) for index in range(4)])
    names = ("dog", "owl", "cat")
    images = load_images(
        [(PIXELS[index], ANIMALS[LABELS[index]]) for index in range(4)], classes=3, class_names=names
    )
    assert images.labels is not None
    assert images.labels.tolist() == [1, 2, 0, 0]
    # Positions in a sorted list are not outputs of a model with other names.
    with pytest.raises(ImagesError, match=r"3 are not class names \(cat, dog, owl\)"):
        load_images([(PIXELS[0], name) for name in ANIMALS], classes=3, class_names=("x", "y", "z"))


def test_rows_without_an_image_are_refused() -> None:
    with pytest.raises(ImagesError, match="has a dict as its image"):
        open_images([{"text": "a", "label": 0}])
    with pytest.raises(ImagesError, match="item 0 raised UnidentifiedImageError"):
        open_images([{"image": b"damaged", "label": 0}])


def flat_folder(root: Path) -> Path:
    root.mkdir()
    for index, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(root / f"img_{index}.png")
    return root


@pytest.mark.parametrize("place", ["photos/labels.csv", "labels.csv", "photos/metadata.csv"])
@pytest.mark.parametrize(
    "rows",
    [
        "filename,label\nimg_{0}.png,{a}\nimg_{1}.png,{b}\nimg_2.png,{c}\nimg_3.png,{d}\n",
        "id,breed\nimg_3,{d}\nimg_2,{c}\nimg_{0},{a}\nimg_{1},{b}\n",
        "photos/img_{0}.png,{a}\nphotos/img_{1}.png,{b}\nphotos/img_2.png,{c}\nphotos/img_3.png,{d}",
        "width,label,file_name\n5,{a},img_{0}.png\n5,{b},img_{1}.png\n5,{c},img_2.png\n5,{d},img_3.png\n9,{a},no.png",
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_table_labels_a_flat_folder(tmp_path: Path, place: str, rows: str, named: bool) -> None:
    root = flat_folder(tmp_path / "photos")
    labels = [ANIMALS[label] if named else str(label) for label in LABELS]
    text = rows.format(0, 1, a=labels[0], b=labels[1], c=labels[2], d=labels[3])
    (tmp_path / place).write_text(text)
    check(root, ANIMALS if named else None)
    assert open_images(root).notes == (f"The labels are those of {Path(place).name}.",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"file,label\nimg_0.png,cat\n",
            r"labels of 1 of 4 images, the first without one being 'img_1\.png'",
        ),
        (b"file,a,b\nimg_0.png,1,2\n", r"with the columns file, a, b\. Allowed: .* called label"),
        (b"img_0.png\n", r"with the columns \. Allowed: .* called label"),
        (b"\xff\xfe", r"which cannot be read \(UnicodeDecodeError"),
        (b'"img_0.png,1', r"which cannot be read \(Error"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    root = flat_folder(tmp_path / "photos")
    (root / "labels.csv").write_bytes(content)
    with pytest.raises(ImagesError, match=message):
        open_images(root)


def test_tables_of_other_images_are_ignored(tmp_path: Path) -> None:
    root = flat_folder(tmp_path / "photos")
    (tmp_path / "labels.csv").write_text("other.png,1\n")
    (root / "metadata.csv").write_text("key,value\nlicense,none\n")
    assert open_images(root).own_labels.values is None


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("struct", [True, False])
def test_parquet_files(tmp_path: Path, named: bool, struct: bool) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    images = [encoded(pixels) for pixels in PIXELS]
    cells = [{"bytes": image, "path": None} for image in images] if struct else images
    table = pa.table({"image": cells, "label": LABELS})
    if named:
        features = {"image": {"_type": "Image"}, "label": {"names": list(ANIMALS), "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, tmp_path / "a.parquet")
    check(tmp_path / "a.parquet", ANIMALS if named else None)
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    with pytest.raises(ImagesError, match=r"b\.parquet', which cannot be read"):
        open_images(tmp_path / "b.parquet")


def write_shard(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as shard:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", ["cls", "name", "json"])
def test_shards(tmp_path: Path, form: str) -> None:
    for shard in range(2):
        members: dict[str, bytes] = {}
        for index in (2 * shard, 2 * shard + 1):
            label: Any = ANIMALS[LABELS[index]] if form == "name" else LABELS[index]
            members[f"./{index:04}.PNG"] = encoded(PIXELS[index])
            if form == "json":
                members[f"./{index:04}.json"] = json.dumps({"label": label}).encode()
            else:
                members[f"./{index:04}.cls"] = f"{label}\n".encode()
        write_shard(tmp_path / f"train-{shard:03}.tar", members)
    check(str(tmp_path / "train-{000..001}.tar"), ANIMALS if form == "name" else None)
    assert len(open_images(tmp_path / "train-001.tar")) == 2
    with pytest.raises(ImagesError, match=r"train-002\.tar', which cannot be read"):
        open_images(str(tmp_path / "train-{000..002}.tar"))


def test_bad_shards_are_refused(tmp_path: Path) -> None:
    image = encoded(PIXELS[0])
    partly = write_shard(tmp_path / "a.tar", {"0.png": image, "0.cls": b"1", "1.png": image})
    with pytest.raises(ImagesError, match="labels for 1 of 2 images"):
        open_images(partly)
    with pytest.raises(ImagesError, match="empty"):
        open_images(write_shard(tmp_path / "b.tar", {"0.txt": b"x"}))
    (tmp_path / "c.tar").write_bytes(b"damaged")
    with pytest.raises(ImagesError, match=r"c\.tar', which cannot be read \(ReadError"):
        open_images(tmp_path / "c.tar")
    unlabeled = open_images(write_shard(tmp_path / "d.tar", {"0.png": image, "1.png": image}))
    assert unlabeled.own_labels.values is None
