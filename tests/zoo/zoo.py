"""Networks that users bring: what is found in each. Made into a table in the documentation."""

from dataclasses import dataclass

import timm
import torch
import torchvision
from torch import nn

from vulneuron import Classifier
from vulneuron.network.split import TOLERANCE

TORCHVISION = (
    "resnet18",
    "resnet50",
    "wide_resnet50_2",
    "resnext50_32x4d",
    "densenet121",
    "googlenet",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
    "regnet_y_400mf",
    "shufflenet_v2_x1_0",
    "mnasnet0_5",
    "squeezenet1_1",
    "vgg16_bn",
    "alexnet",
)
TIMM = ("tf_efficientnet_lite0", "repvgg_a0", "resnetv2_50", "nfnet_l0", "hrnet_w18_small")
NETWORKS = (*(f"torchvision:{name}" for name in TORCHVISION), *(f"timm:{name}" for name in TIMM))

_HEADS = {
    "linear": "activation x weight",
    "nonlinear": "gradient x activation",
    "rerun": "gradient x activation, by rerunning the network",
}
_HEADER = f"""# Networks that were tried

For each network, with random weights, the target layer was found and the split into feature maps, pooling and
head was proved: on images that the search had not seen, `head(pool(maps))` differs from the logits by at most
{TOLERANCE:g} of the largest logit. This page is written by `make tables`.

| network | target layer | neurons | maps | pooling | then, up to the dense layer | contribution | folded |
|---|---|---:|---|---|---|---|---:|
"""


@dataclass(frozen=True)
class Row:
    """What was found in one network."""

    name: str
    classifier: Classifier

    @property
    def text(self) -> str:
        """The network's row of the table."""
        split = self.classifier.split
        activation = "" if split.activation == "identity" else f" + {split.activation}"
        cells = (
            f"`{self.name}`",
            f"`{split.layer}`{activation}",
            f"{split.neurons:,}",
            f"{split.map_shape[0]} x {split.map_shape[1]}",
            {"avg": "average", "max": "maximum", "none": "none"}[split.pool],
            ", ".join(f"`{step.name}`" for step in split.tail) or "nothing",
            _HEADS[split.kind],
            str(self.classifier.folded),
        )
        return f"| {' | '.join(cells)} |"


def build(name: str) -> Row:
    """Build a network with random weights and find its split."""
    library, _, model = name.partition(":")
    torch.manual_seed(0)
    net: nn.Module
    if library == "torchvision":
        # These two warn about their slow initialization, unless it is chosen.
        options = {"init_weights": False} if model in {"googlenet", "inception_v3"} else {}
        net = torchvision.models.get_model(model, weights=None, **options)
    else:
        net = timm.create_model(model)
    side = 299 if model == "inception_v3" else 224
    return Row(name, Classifier(net, input_shape=(3, side, side), device="cpu"))


def page(rows: list[str]) -> str:
    """The whole page, from the rows of the table."""
    return _HEADER + "\n".join(rows) + "\n"
