"""Small runs for tests: a network that has learned three colors, and pictures of these colors."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from PIL import Image
from torch import nn

from vulneuron.record import Record

CLASS_NAMES = ("red", "green", "blue")
SIDE = 12


def color_net(*, mlp: bool = False) -> nn.Sequential:
    """Predicts which channel is the brightest; its margin is small enough for 8/255."""
    convolution = nn.Conv2d(3, 4, 3, padding=1)
    dense = nn.Linear(4, 3)
    with torch.no_grad():
        convolution.weight.zero_()
        for channel in range(3):
            convolution.weight[channel, channel, 1, 1] = 1
        convolution.bias.zero_()  # type: ignore[union-attr]
        dense.weight.copy_(torch.eye(3, 4) * 20)
        dense.bias.zero_()
    body = nn.Sequential(convolution, nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    head: list[nn.Module] = [nn.Linear(4, 4), nn.ReLU(), dense] if mlp else [dense]
    if mlp:
        with torch.no_grad():
            first = head[0]
            assert isinstance(first, nn.Linear)
            first.weight.copy_(torch.eye(4) / 2)
            dense.weight.mul_(2)
            first.bias.zero_()
    return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head)


def all_arrays(record: Record, layer: str | None = None) -> xr.Dataset:
    """The arrays of the pairs and of one layer together."""
    return record.dataset.merge(record.layer(layer).dataset)


def color_pictures(
    a_class: int = 8, seed: int = 0, wrong: int = 2
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Noise, a little brighter in the channel of its label; the last `wrong` pictures have a wrong label."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), a_class)
    pictures = rng.integers(90, 130, (len(labels), SIDE, SIDE, 3))
    for picture, label in zip(pictures, labels, strict=True):
        picture[..., label] += 12
    shuffled = rng.permutation(len(labels))
    labels = labels[shuffled]
    if wrong:
        labels[-wrong:] = (labels[-wrong:] + 1) % 3
    return pictures[shuffled].astype(np.uint8), labels.astype(np.int64)


def color_folder(path: Path, a_class: int = 4) -> Path:
    """The same pictures as PNG files, one folder per class."""
    pictures, labels = color_pictures(a_class, wrong=0)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        folder = path / CLASS_NAMES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{index:03d}.png")
    return path


MODEL_FILE = """
import sys
sys.path.insert(0, {tests!r})
from runs import color_net

def net():
    return color_net()
"""


def model_file(folder: Path) -> str:
    """A file.py:function spec of the network."""
    path = folder / "model.py"
    path.write_text(MODEL_FILE.format(tests=str(Path(__file__).parent)))
    return f"{path}:net"
