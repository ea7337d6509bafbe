"""The two records that browser tests look at."""

import importlib.util
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from PIL import Image
from torch.nn.functional import pad

import vulneuron as vn
from vulneuron import demo
from vulneuron.server.network import RecordNetwork
from vulneuron.server.settings import dashboard_settings
from vulneuron.server.summary import OpenedRecord

_EXAMPLE = Path(__file__).parents[2] / "examples" / "cifar10"
_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SHIFTS = (-3, 0, 3)


@dataclass(frozen=True)
class ExampleRecord:
    """A record that tests may write to, and its network."""

    name: str
    path: Path
    model: str


def example_records(kept: Path, served: Path) -> tuple[ExampleRecord, ...]:
    """The demo's record and a CIFAR-10 record, as copies.

    Parameters
    ----------
    kept
        Where finished records are; they are made if they are not there.
    served
        Where the copies go, to which a server may add vulnerability maps.
    """
    # Those that no other process is making come first.
    for timeout in (0, -1):
        for name in _RECORDS:
            _make(kept, name, timeout)
    records = []
    for name, (_, model) in _RECORDS.items():
        copy = served / f"{name}.zarr"
        shutil.copytree(kept / copy.name, copy)
        records.append(ExampleRecord(name, copy, model))
    return tuple(records)


def _make(kept: Path, name: str, timeout: float) -> None:
    """Make a record, unless it exists or another process has been making it for this many seconds."""
    make, model = _RECORDS[name]
    complete = kept / f"{name}.complete"
    with suppress(Timeout), FileLock(kept / f"{name}.lock", timeout=timeout):
        if not complete.exists():
            _compute_first_maps(make(kept / f"{name}.zarr"), model)
            complete.touch()


def _demo_record(path: Path) -> vn.Record:
    return demo.run_demo(path, views=2, progress=False)


def _cifar_record(path: Path) -> vn.Record:
    images, labels = _cifar_images()
    model = f"{_EXAMPLE}/resnet10.py:trained"
    return vn.analyze(model, images, labels, out=path, class_names=_CIFAR_CLASSES, progress=False)


_RECORDS = {
    "demo": (_demo_record, f"{demo.__file__}:demo_model"),
    "cifar10": (_cifar_record, f"{_EXAMPLE}/resnet10.py:trained"),
}


def _cifar_images() -> tuple[torch.Tensor, torch.Tensor]:
    """The CIFAR-10 images that foolbox ships, shifted and mirrored: 18 views of each of 20."""
    found = importlib.util.find_spec("foolbox")
    assert found is not None
    assert found.submodule_search_locations
    files = sorted((Path(found.submodule_search_locations[0]) / "data").glob("cifar10_*.png"))
    labels = torch.tensor([int(file.stem.rpartition("_")[2]) for file in files])
    pixels = torch.stack([torch.from_numpy(np.array(Image.open(file))) for file in files])
    images = pixels.permute(0, 3, 1, 2).float() / 255
    most, side = max(_SHIFTS), images.shape[-1]
    padded = pad(images, (most, most, most, most), mode="reflect")
    views = [
        padded[:, :, most + down : most + down + side, most + right : most + right + side]
        for down in _SHIFTS
        for right in _SHIFTS
    ]
    views += [view.flip(3) for view in views]
    return torch.cat(views), torch.cat([labels] * len(views))


def _compute_first_maps(record: vn.Record, model: str) -> None:
    """Maps of the pair that the page shows first, so that most tests need not wait for any."""
    first = OpenedRecord(record, "", partial(RecordNetwork, name="")).at().summary.first_view
    analysis = vn.Analysis(record, vn.load_classifier(record, model))
    analysis.vulnerability_maps(first.pair, settings=dashboard_settings(analysis))


def kept_folder(fresh: Path) -> Path:
    """Folder of the finished records: VULNEURON_TEST_RECORDS, which outlives a test run, or a fresh one."""
    folder = Path(os.environ.get("VULNEURON_TEST_RECORDS", fresh))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
