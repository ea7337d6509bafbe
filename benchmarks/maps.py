"""Compare the engines for vulnerability maps with each other and with Captum.

python benchmarks/maps.py speed                                   all networks, random weights
python benchmarks/maps.py speed --networks resnet18 vgg16
python benchmarks/maps.py exact                                   errors against one image at a time

Prints ratios of times within one run, medians over rounds in which the engines take turns. Of a map with
many positions, a seeded selection of batches is computed, with borders and alignments in proportion. Captum
is compared by time per forward pass, on the author's module and on the classifier's version of it (folded,
in channels_last); its columns stay empty if it is not installed.
"""

import argparse
import importlib.util
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torchvision
from torch import Tensor, fx, nn

from vulneuron.engines import Dense, Engine, Incremental, substituted
from vulneuron.engines.incremental.geometry import Doubles, Ints, PatchSpans, order_by_size, propagate_spans
from vulneuron.engines.incremental.steps import NetworkSteps, trace_steps
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.vulnerability_map import Bools, top_mask
from vulneuron.network import Classifier

sys.path.insert(0, str(Path(__file__).parents[1] / "examples/cifar10"))
from resnet10 import trained

BATCH = 64
EVALUATIONS = (1, 8, 32) if importlib.util.find_spec("captum") else ()
#: Wall-clock time; with one thread, the time of this process, which other programs do not affect.
CLOCK: Callable[[], float] = time.perf_counter


def cifar_resnet18() -> nn.Module:
    """ResNet18 with the common stem for 32 x 32 images."""
    net: nn.Module = torchvision.models.resnet18(num_classes=10)
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return net


def wide_resnet18() -> nn.Module:
    """Like Places365's ResNet18: no maximum pooling, so the last feature maps are 14 x 14."""
    net: nn.Module = torchvision.models.resnet18(num_classes=365)
    net.maxpool = nn.Identity()
    return net


def efficientnet_lite0() -> nn.Module:
    """The demo's architecture."""
    import timm  # noqa: PLC0415  only for this network

    net: nn.Module = timm.create_model("tf_efficientnet_lite0")
    return net


@dataclass(frozen=True)
class Case:
    """A network, the side of its images, and the side of the patches."""

    build: Callable[[], nn.Module]
    side: int
    patch: int


CASES = {
    "cifar-resnet10": Case(trained, 32, 4),
    "cifar-resnet18": Case(cifar_resnet18, 32, 4),
    "resnet18": Case(torchvision.models.resnet18, 224, 16),
    "wide-resnet18": Case(wide_resnet18, 224, 16),
    "vgg16": Case(torchvision.models.vgg16, 224, 16),
    "efficientnet-lite0": Case(efficientnet_lite0, 224, 28),
    "densenet121": Case(torchvision.models.densenet121, 224, 16),
}


@dataclass(frozen=True)
class Setting:
    """A network with a pair of images and the positions to compute."""

    name: str
    net: nn.Module
    classifier: Classifier
    steps: NetworkSteps
    benign: Tensor
    adversarial: Tensor
    grid: PatchGrid
    batches: list[Ints]

    @property
    def centers(self) -> Ints:
        """All positions of the batches."""
        return np.concatenate(self.batches)


def make_setting(name: str, batches: int) -> Setting:
    """Build a network, and select some of the batches of a whole map."""
    case = CASES[name]
    torch.manual_seed(0)
    net = case.build().eval()
    classifier = Classifier(net, input_shape=(3, case.side, case.side), device="cpu")
    steps = trace_steps(classifier)
    if steps is None:
        raise SystemExit(f"{name} cannot be traced")
    benign = torch.rand(3, case.side, case.side)
    adversarial = (benign + 0.1 * torch.randn(benign.shape)).clamp(0, 1)
    grid = PatchGrid((case.side, case.side), case.patch)
    centers = grid.centers()
    order = order_by_size(propagate_spans(steps, case.patch), centers, steps.multiplications())
    every = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    if len(every) <= max(batches, 16):
        selected = [centers]
    else:
        random = np.random.default_rng(0)
        selected = [centers[every[i]] for i in random.choice(len(every), batches, replace=False)]
    return Setting(name, net, classifier, steps, benign, adversarial, grid, selected)


def possible_speedup(steps: NetworkSteps, spans: PatchSpans, centers: Ints) -> float:
    r"""Ratio of multiplications, dense over incremental, if only changed regions are computed.

    .. math:: \frac{\sum_l m_l}{\sum_l m_l \overline{A_l}}

    with :math:`m_l` the multiplications of layer l on a whole feature map and :math:`\overline{A_l}` the
    fraction of its output that a patch can change, averaged over the patches with their exact borders and
    alignments.
    """
    counts = steps.multiplications()
    needed = sum(
        count * (float(np.mean(_changed_areas(spans, node, centers))) if node in spans.rows else 1.0)
        for node, count in counts.items()
    )
    return sum(counts.values()) / needed


def _changed_areas(spans: PatchSpans, node: fx.Node, centers: Ints) -> Doubles:
    """Fraction of a node's feature map that each patch can change, ``(position,)`` in (0, 1]."""
    height, width = spans.sizes[node]
    rows, columns = spans.rows[node].sizes / height, spans.columns[node].sizes / width
    return np.asarray(rows[centers[:, 0]] * columns[centers[:, 1]])


def run(engine: Engine, setting: Setting, groups: list[Ints]) -> Tensor:
    """Logits of all positions, in the order of the groups."""
    logits = torch.empty(sum(map(len, groups)), setting.classifier.classes)
    start = 0
    for centers in groups:
        positions = torch.from_numpy(centers)
        for batch in engine(
            setting.classifier, setting.benign, setting.adversarial, positions, patch=setting.grid.patch
        ):
            logits[start + batch.indices] = batch.logits
        start += len(centers)
    return logits


def seconds(function: Callable[[], object]) -> float:
    """Duration of a call."""
    start = CLOCK()
    function()
    return CLOCK() - start


def matrix_rate() -> float:
    """Floating-point operations per second of a large matrix product."""
    a, b = torch.rand(2, 4096, 4096)
    return 2 * 4096**3 / seconds(lambda: torch.mm(a, b))


def captum_seconds(setting: Setting, net: Callable[[Tensor], Tensor], evaluations: int) -> float:
    """Seconds per forward pass of Captum's occlusion by the adversarial image; NaN for 0 evaluations."""
    if not evaluations:
        return np.nan
    from captum.attr import Occlusion  # noqa: PLC0415  optional

    # About a hundred windows.
    patch, side, calls = setting.grid.patch, setting.grid.image_size[0], 0
    stride = min(patch, max(1, side // 10))

    def forward(images: Tensor) -> Tensor:
        nonlocal calls
        calls += len(images)
        with torch.inference_mode():
            return net(images)

    def attribute() -> None:
        Occlusion(forward).attribute(
            setting.benign[None],
            sliding_window_shapes=(3, patch, patch),
            strides=(3, stride, stride),
            baselines=setting.adversarial[None],
            target=0,
            perturbations_per_eval=evaluations,
        )

    duration = seconds(attribute)
    return duration / calls


@dataclass(frozen=True)
class Round:
    """Seconds per position of each engine, in one round."""

    dense: float
    incremental: float
    captum: float
    captum_default: float
    captum_prepared: float
    matrix_rate: float


def one_round(
    setting: Setting, dense: Dense, incremental: Incremental, evaluations: int, on_prepared: int
) -> Round:
    """Time each engine once."""
    count = len(setting.centers)
    return Round(
        seconds(lambda: run(dense, setting, [setting.centers])) / count,
        seconds(lambda: run(incremental, setting, setting.batches)) / count,
        captum_seconds(setting, setting.net, evaluations),
        captum_seconds(setting, setting.net, min(evaluations, 1)),
        captum_seconds(setting, setting.classifier.logits, on_prepared),
        matrix_rate(),
    )


def speed(names: list[str], rounds: int, batches: int, *, captum: bool) -> None:
    """Print one row per network."""
    print(f"{torch.get_num_threads()} threads, {CLOCK.__name__}")
    print(
        "network              positions  D ms  D/mm   incr/D (least..most)  limit  reached"
        "  best Captum/incr  default/incr  best on our net/incr  |dlogit|"
    )
    for name in names:
        setting, dense, incremental = make_setting(name, batches), Dense(), Incremental()
        spans = propagate_spans(setting.steps, setting.grid.patch)
        bound = possible_speedup(setting.steps, spans, setting.grid.centers())
        operations = 2 * sum(setting.steps.multiplications().values())
        # Warm up: batch sizes, costs, prepared shapes.
        for _ in range(2):
            expected = run(dense, setting, [setting.centers])
            logits = run(incremental, setting, setting.batches)
        evaluations, on_prepared = (
            min(EVALUATIONS if captum else (), key=partial(captum_seconds, setting, net), default=0)
            for net in (setting.net, setting.classifier.logits)
        )
        results = [one_round(setting, dense, incremental, evaluations, on_prepared) for _ in range(rounds)]
        ratios = [result.dense / result.incremental for result in results]
        print(
            f"{name:20} {len(setting.centers):9} {1000 * median(result.dense for result in results):6.2f}"
            f" {median(operations / result.dense / result.matrix_rate for result in results):5.2f}"
            f" {median(ratios):8.2f} ({min(ratios):.2f}..{max(ratios):.2f}) {bound:8.2f}"
            f" {100 * median(ratios) / bound:6.0f} %"
            f" {median(result.captum / result.incremental for result in results):11.2f} (x{evaluations})"
            f" {median(result.captum_default / result.incremental for result in results):10.2f}"
            f" {median(result.captum_prepared / result.incremental for result in results):18.2f}"
            f" {float((logits - expected).abs().max()):11.1e}",
            flush=True,
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def exact(names: list[str], positions: int) -> None:
    """Print the largest errors against one image at a time."""
    for name in names:
        setting, incremental = make_setting(name, 1), Incremental()
        every = setting.grid.centers()
        centers = every[np.sort(np.random.default_rng(1).choice(len(every), positions, replace=False))]
        logits = run(incremental, setting, [centers])
        images = substituted(
            setting.benign, setting.adversarial, torch.from_numpy(centers), patch=setting.grid.patch
        )
        expected = torch.cat([setting.classifier.logits(image[None]) for image in images])
        before, after = setting.classifier.logits(torch.stack([setting.benign, setting.adversarial]))
        relative = float((logits - expected).abs().max() / (expected - before).abs().max())
        error = float((logits.softmax(1) - expected.softmax(1)).abs().max())
        # As in the maps: the drop of the predicted class, and the gain of another one.
        benign, adversarial = int(before.argmax()), int((after - before).argmax())
        iou = min(
            overlap(
                top_mask(sign * _log_probability(logits, label)),
                top_mask(sign * _log_probability(expected, label)),
            )
            for sign, label in ((-1, benign), (1, adversarial))
        )
        print(
            f"{name:20} {positions} positions: max |dp| {error:.1e}, IoU of both masks {iou:.4f},"
            f" largest error of a logit {relative:.1e} of the largest change of one",
            flush=True,
        )


def _log_probability(logits: Tensor, label: int) -> Doubles:
    return logits.double().log_softmax(1)[:, label].numpy()


def overlap(one: Bools, other: Bools) -> float:
    """Intersection over union of two masks."""
    return float((one & other).sum() / (one | other).sum())


def main() -> None:
    """Parse the options and run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "exact"))
    parser.add_argument("--networks", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--batches", type=int, default=4, help="batches of 64 positions to compute of a map that has many"
    )
    parser.add_argument("--positions", type=int, default=300)
    parser.add_argument(
        "--no-captum", action="store_true", help="leave out Captum, the slowest part on large networks"
    )
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.threads == 1:
        global CLOCK  # noqa: PLW0603  one clock for the whole run
        CLOCK = time.process_time
    if options.what == "speed":
        speed(options.networks, options.rounds, options.batches, captum=not options.no_captum)
    else:
        exact(options.networks, options.positions)


if __name__ == "__main__":
    main()
