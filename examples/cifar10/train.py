"""Train the ResNet-10 in this folder on CIFAR-10, with eight epochs of SGD.

python examples/cifar10/train.py --data data --download --out resnet10.safetensors
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from resnet10 import ResNet10
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.datasets import CIFAR10

PADDING = 4


def load(root: Path, *, train: bool, download: bool) -> tuple[Tensor, Tensor]:
    """Pixels ``(n, 3, 32, 32)`` in [0, 1], and labels ``(n,)``."""
    data = CIFAR10(root, train=train, download=download)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2) / 255, torch.tensor(data.targets)


def augment(images: Tensor) -> Tensor:
    """Crop each image at a random position after reflection padding, and mirror half of the images."""
    count, side = len(images), images.shape[-1]
    padded = F.pad(images, [PADDING] * 4, mode="reflect")
    tops, lefts = torch.randint(2 * PADDING + 1, (2, count))
    rows, columns = tops[:, None] + torch.arange(side), lefts[:, None] + torch.arange(side)
    columns = torch.where(torch.rand(count, 1) < 0.5, columns, columns.flip(1))
    picked = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def train(
    model: nn.Module, images: Tensor, labels: Tensor, *, epochs: int = 8, batch: int = 256, rate: float = 0.3
) -> None:
    """Minimize the cross-entropy by SGD with Nesterov momentum and a one-cycle learning rate."""
    steps = epochs * -(-len(images) // batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    model.train().to(memory_format=torch.channels_last)
    for epoch in range(epochs):
        total = 0.0
        for indices in torch.randperm(len(images)).split(batch):
            loss = F.cross_entropy(model(augment(images[indices])), labels[indices])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(indices)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(images):.3f}", flush=True)


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Fraction of correctly classified images."""
    model.eval()
    with torch.inference_mode():
        correct = [
            (model(batch).argmax(1) == truth).sum()
            for batch, truth in zip(images.split(500), labels.split(500), strict=True)
        ]
    return float(sum(correct)) / len(images)


def main() -> None:
    """Read the options, train, and save the weights in float16."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of CIFAR-10, or to download it to")
    parser.add_argument("--download", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    model = ResNet10()
    train(model, *load(options.data, train=True, download=options.download), epochs=options.epochs)
    print(f"test accuracy {accuracy(model, *load(options.data, train=False, download=False)):.4f}")
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in model.state_dict().items()
    }
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, options.out)


if __name__ == "__main__":
    main()
