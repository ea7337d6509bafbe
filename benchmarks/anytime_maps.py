"""Quality of anytime maps as a function of time, relative to the dense engine, on a record.

python benchmarks/anytime_maps.py --record cifar10.zarr --pairs 100
python benchmarks/anytime_maps.py --record demo.zarr --pairs 10

Stages are compared with the exact maps of the incremental engine. Maps of up to 4,096 points are also
compared with dense ones, and computed a second time in the order of the stages; larger maps are followed up
to an eighth of the dense time. Times are CPU times of the process, as fractions of the time for a dense map
at stride 1 in the same run.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
import torch

from vulneuron import Analysis, load_classifier, open_record
from vulneuron.engines import Dense, Incremental
from vulneuron.maps.grid import PatchGrid
from vulneuron.maps.image_pair import ImagePair
from vulneuron.maps.points import MapPoints
from vulneuron.maps.stages import map_stages
from vulneuron.maps.vulnerability_map import (
    VulnerabilityMaps,
    exact_maps,
    top_mask,
    vulnerability_maps,
)

Bools = npt.NDArray[np.bool_]
PARTS = (96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2)
MOST, SAMPLE = 4096, 256
#: Fraction of the dense time up to which the stages of larger maps are followed.
FAR = 1 / 8
SETTLED = 0.02


@dataclass(frozen=True)
class StageResult:
    """One stage of a pair's maps.

    Attributes
    ----------
    time
        Fraction of the dense time.
    iou
        Mean IoU of both masks with the exact ones.
    unsettled, changed
        Reported and actual fraction of the mask that changes until all points are exact.
    exact_points
        Number of exact points.
    """

    time: float
    iou: float
    unsettled: float
    changed: float
    exact_points: int


@dataclass(frozen=True)
class Result:
    """Measurements on one pair.

    Attributes
    ----------
    speedup
        Time of the dense engine divided by that of the incremental one.
    staging_cost
        Time of the incremental engine in stages divided by its time for the whole map at once.
    error, exact_iou
        Largest difference of a probability, and IoU of the masks, incremental against dense.
    stages
        All stages.
    """

    speedup: float
    staging_cost: float
    error: float
    exact_iou: float
    stages: list[StageResult]

    def at(self, time: float) -> StageResult:
        """The last stage within a time, which must include one."""
        return max((stage for stage in self.stages if stage.time <= time), key=lambda stage: stage.time)

    def settled(self) -> StageResult | None:
        """The first stage settled to 2 %; None if no stage was."""
        return next((stage for stage in self.stages if stage.unsettled <= SETTLED), None)


def masks(maps: VulnerabilityMaps) -> list[Bools]:
    """Top 20 % of both maps."""
    return [top_mask(maps.benign_drop), top_mask(maps.adversarial_gain)]


def overlaps(one: list[Bools], other: list[Bools]) -> list[float]:
    """Intersection over union of the masks of each map."""
    return [float((a & b).sum() / (a | b).sum()) for a, b in zip(one, other, strict=True)]


def measure(analysis: Analysis, pair: int, stride: int, dense: Dense, incremental: Incremental) -> Result:
    """Compute the maps of one pair with both engines and in stages."""
    classifier = analysis.network.classifier
    if classifier is None:
        raise SystemExit("there is no network")
    images, labels = analysis.data.images(pair), analysis.data.labels(pair)
    benign, adversarial = torch.as_tensor(images.benign), torch.as_tensor(images.adversarial)
    images_and_labels = ImagePair(benign, adversarial, **labels)
    size = (benign.shape[1], benign.shape[2])
    grid = PatchGrid.for_image(size, stride=stride)

    start = time.process_time()
    exact = vulnerability_maps(classifier, images_and_labels, stride=stride, engine=incremental)
    incremental_time = (time.process_time() - start) / exact.benign_drop.size
    staging_cost = error = iou = float("nan")
    if exact.benign_drop.size <= MOST:
        start = time.process_time()
        points = MapPoints(classifier, images_and_labels, grid, engine=incremental)
        for _ in map_stages(points):
            pass
        exact_maps(points)
        staging_cost = (time.process_time() - start) / exact.benign_drop.size / incremental_time
        start = time.process_time()
        plain = vulnerability_maps(classifier, images_and_labels, stride=stride, engine=dense)
        dense_time = (time.process_time() - start) / plain.benign_drop.size
        changes = (plain.benign_drop - exact.benign_drop, plain.adversarial_gain - exact.adversarial_gain)
        error, iou = float(np.abs(changes).max()), min(overlaps(masks(plain), masks(exact)))
    else:
        start = time.process_time()
        centers = torch.from_numpy(np.random.default_rng(0).integers(0, size, (SAMPLE, 2)))
        list(dense(classifier, benign, adversarial, centers, patch=exact.patch))
        dense_time = (time.process_time() - start) / SAMPLE

    truth, stages, whole, pauses = masks(exact), [], dense_time * size[0] * size[1], 0.0
    start = time.process_time()
    points = MapPoints(classifier, images_and_labels, grid, engine=incremental)
    for stage in map_stages(points, tolerance=0.0):
        now = time.process_time()
        estimate = masks(stage.maps)
        stages.append(
            StageResult(
                (now - start - pauses) / whole,
                float(np.mean(overlaps(estimate, truth))),
                stage.unsettled,
                max(float((a & ~b).sum() / b.sum()) for a, b in zip(estimate, truth, strict=True)),
                int(stage.computed.sum()),
            )
        )
        pauses += time.process_time() - now
        if exact.benign_drop.size > MOST and stages[-1].time > FAR:
            break
    return Result(dense_time / incremental_time, staging_cost, error, iou, stages)


def followed(results: list[Result]) -> tuple[float, float]:
    """Times between which all pairs have stages."""
    first = max(result.stages[0].time for result in results)
    return first, min(result.stages[-1].time for result in results)


def show(results: list[Result]) -> None:
    """Print medians over pairs."""
    print(f"{len(results)} pairs; medians")
    print(f"incremental over dense {median(result.speedup for result in results):.2f}")
    if not any(np.isnan(result.error) for result in results):
        print(f"in stages over at once {median(result.staging_cost for result in results):.3f}")
        print(
            f"incremental against dense: largest |dp| {max(result.error for result in results):.1e},"
            f" least IoU of the top masks {min(result.exact_iou for result in results):.4f}"
        )
    previews = [result.stages[0] for result in results]
    print(
        f"preview: 1/{1 / median(stage.time for stage in previews):.0f} of the time,"
        f" IoU {median(stage.iou for stage in previews):.3f}"
    )
    first, last = followed(results)
    for part in (part for part in PARTS if first <= 1 / part <= last):
        reached = [result.at(1 / part) for result in results]
        print(
            f"after 1/{part}: IoU {median(stage.iou for stage in reached):.3f},"
            f" {median(stage.exact_points for stage in reached):.0f} exact points"
        )
    ends = [end for result in results if (end := result.settled())]
    if ends:
        print(
            f"settled to 2 %: {len(ends)} pairs, after 1/{1 / median(end.time for end in ends):.1f}, IoU"
            f" {median(end.iou for end in ends):.3f} (least {min(end.iou for end in ends):.3f}),"
            f" {median(end.exact_points for end in ends):.0f} exact points"
        )
    bounded = [stage for result in results for stage in result.stages[1:] if stage.unsettled > SETTLED]
    bounded += ends
    held = np.mean([stage.changed <= max(stage.unsettled, SETTLED) for stage in bounded])
    print(f"the reported bound holds in {100 * held:.0f} % of {len(bounded)} stages")


def plot(results: list[Result], path: str) -> None:
    """Plot the median IoU and its interquartile range over the fraction of the dense engine's time."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  only for the picture

    times = np.geomspace(*followed(results), 60)
    reached = np.array([[result.at(at).iou for at in times] for result in results])
    low, middle, high = np.quantile(reached, [0.25, 0.5, 0.75], axis=0)
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.fill_between(times, low, high, alpha=0.25, linewidth=0)
    axes.plot(times, middle)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks := [2.0**-power for power in range(6, 0, -1)])
    axes.set_xticklabels([f"1/{1 / tick:.0f}" for tick in ticks])
    axes.set_xlabel("fraction of the dense engine's time")
    axes.set_ylabel("IoU of the top 20 % with the exact one")
    axes.grid(alpha=0.3)
    figure.savefig(path)


def main() -> None:
    """Measure pair by pair and print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", required=True)
    parser.add_argument("--model", help="the network, if it is not where the record says")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--plot", help="file for a plot of the median over all pairs, such as maps.svg")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    record = open_record(options.record)
    analysis = Analysis(record, load_classifier(record, options.model))
    count = len(record.pairs)
    pairs = np.random.default_rng(0).choice(count, min(options.pairs, count), replace=False)
    dense, incremental, results = Dense(), Incremental(), []
    # Warm up: batch sizes, costs, prepared shapes.
    measure(analysis, int(pairs[0]), max(options.stride, 4), dense, incremental)
    for pair in pairs:
        results.append(measure(analysis, int(pair), options.stride, dense, incremental))
        sys.stderr.write(f"{len(results)} of {len(pairs)}\r")
    show(results)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
