"""ResNet-10 for CIFAR-10: four stages of one basic block each, 512 neurons with 4 x 4 feature maps.

Modules are named as in torchvision's ResNets. Pixels are expected in [0, 1].
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, conv1x1

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
WEIGHTS = Path(__file__).with_name("resnet10.safetensors")


class ResNet10(nn.Module):
    """He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with one block per stage.

    The stem is a 3 x 3 convolution with stride 1 and no pooling, as is common for 32 x 32 images.

    Parameters
    ----------
    widths
        Channels of the four stages; the last one is the number of neurons.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (32, 64, 128, 512)) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).reshape(1, 3, 1, 1), persistent=False)
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(widths[0], widths[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[3], len(CLASSES))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits ``(n, 10)`` of pixels ``(n, 3, 32, 32)`` in [0, 1]."""
        features = self.relu(self.bn1(self.conv1((pixels - self.mean) / self.std)))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(features), 1))
        return logits


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    changes_shape = stride != 1 or inputs != outputs
    downsample = (
        nn.Sequential(conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs)) if changes_shape else None
    )
    return nn.Sequential(BasicBlock(inputs, outputs, stride, downsample))


def untrained() -> nn.Module:
    """The network with random weights."""
    return ResNet10()


def trained() -> nn.Module:
    """The network with the weights beside this file (float16 on disk)."""
    model = ResNet10()
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
    return model.eval()
