"""Time `analyze` against a plain PyTorch loop of the same attack in the same process.

python benchmarks/run.py --images path/to/cifar10/test --limit 50
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as to

import vulneuron as vn
from vulneuron.inputs.models import load_model

MODEL = f"{Path(__file__).parents[1]}/examples/cifar10/resnet10.py:trained"
T = TypeVar("T")
EPS, STEP, STEPS, BATCH = 8 / 255, 2 / 255, 7, 128


def plain_attack(net: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """PGD as written in a notebook."""
    adversarial = images + torch.empty_like(images).uniform_(-EPS, EPS)
    for _ in range(STEPS):
        adversarial = adversarial.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(adversarial), labels), adversarial)
        adversarial = adversarial + STEP * gradient.sign()
        adversarial = (images + (adversarial - images).clamp(-EPS, EPS)).clamp(0, 1)
    return adversarial.detach()


def plain_run(folder: str, limit: int) -> tuple[int, int]:
    """Predict and attack images in a plain loop; returns their number and the number predicted right."""
    net = load_model(MODEL).module.eval().requires_grad_(False)
    data = ImageFolder(folder)
    all_labels = torch.tensor(data.targets)
    firsts = [torch.nonzero(all_labels == label)[:limit, 0] for label in all_labels.unique()]
    indices = torch.cat(firsts).tolist()
    right = 0
    for start in range(0, len(indices), BATCH):
        batch = [data[index] for index in indices[start : start + BATCH]]
        images = torch.stack([to.to_tensor(image) for image, _ in batch])
        labels = torch.tensor([label for _, label in batch])
        with torch.no_grad():
            correct = net(images).argmax(1) == labels
        right += int(correct.sum())
        plain_attack(net, images[correct], labels[correct])
    return len(indices), right


def timed(function: Callable[[], T]) -> tuple[float, T]:
    """Duration of a call in seconds, and its result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", required=True, help="a folder with one sub-folder per class")
    parser.add_argument("--limit", type=int, default=50, help="images per class")
    options = parser.parse_args()
    plain, (seen, right) = timed(lambda: plain_run(options.images, options.limit))
    with tempfile.TemporaryDirectory() as folder:
        ours, record = timed(
            lambda: vn.analyze(MODEL, options.images, out=Path(folder) / "run.zarr", limit=options.limit)
        )
    info = record.info()
    if (info["images"], info["correct"]) != (seen, right):
        raise SystemExit(
            f"clean accuracy differs: {right} of {seen}, and {info['correct']} of {info['images']}"
        )
    print(f"images {seen}, predicted right {right} by both, pairs {info['pairs']}")
    print(f"plain loop, predictions and attack only: {plain:.1f} s, {seen / plain:.0f} images/s")
    print(f"analyze, all phases, record written:     {ours:.1f} s, {seen / ours:.0f} images/s")
    print(f"ratio {ours / plain:.2f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
