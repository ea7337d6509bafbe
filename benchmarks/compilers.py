"""Would a compiler make the dense engine faster? PyTorch's own and OpenVINO's, on the networks of `maps.py`.

python -m benchmarks.compilers                        # pip install openvino, and a C++ compiler
python -m benchmarks.compilers --networks resnet18

One batch of the size that is fastest without a compiler goes through the network in each way, in turns. What
a compiler takes before its first batch is told, and after how many patches that has paid.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from benchmarks.maps import CASES, seconds
from torch import Tensor, nn

import vulneuron

BATCHES = (4, 8, 16, 32, 64)
Way = Callable[[Tensor], Tensor]


def fastest_batch(module: nn.Module, side: int) -> Tensor:
    """Images of the batch size that takes least time an image."""

    def time_of(images: Tensor) -> float:
        return min(seconds(lambda: module(images)) for _ in range(3)) / len(images)

    batches = (
        torch.rand(size, 3, side, side).contiguous(memory_format=torch.channels_last) for size in BATCHES
    )
    return min(batches, key=time_of)


def by_pytorch(module: nn.Module, images: Tensor) -> Way:
    """PyTorch's compiler, with the weights as constants, and nothing that it compiled before."""
    torch._dynamo.reset()
    torch._inductor.config.freezing = torch._inductor.config.force_disable_caches = True
    return torch.compile(module)


def by_openvino(module: nn.Module, images: Tensor) -> Way:
    """OpenVINO in the precision of the weights, on as many threads as PyTorch uses."""
    import openvino  # noqa: PLC0415  optional

    threads = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    found = openvino.compile_model(openvino.convert_model(module, example_input=images), "CPU", threads)
    return lambda batch: torch.from_numpy(found(batch.numpy())[0])


def turns(ways: list[Way], images: Tensor, rounds: int) -> list[float]:
    """Median seconds an image of each way."""
    found = [[seconds(partial(way, images)) for way in ways] for _ in range(rounds)]
    return [median(column) / len(images) for column in zip(*found, strict=True)]


def compare(name: str, rounds: int) -> None:
    """Print a row for each compiler."""
    case = CASES[name]
    module = vulneuron.Classifier(case.build(), input_shape=(3, case.side, case.side), device="cpu").module
    images = fastest_batch(module, case.side)
    expected = module(images)
    for compiler in (by_pytorch, by_openvino):
        start = time.perf_counter()
        try:
            way = compiler(module, images)
            found = way(images)
        except ImportError as error:
            print(f"{name:20} {compiler.__name__:12} is not there: {error}")
            continue
        first = time.perf_counter() - start
        plain, compiled = turns([module, way], images, rounds)
        pays = f"{first / (plain - compiled):,.0f} patches" if compiled < plain else "never"
        print(
            f"{name:20} {compiler.__name__:12} batch {len(images):3}: {1000 * plain:6.2f} ms,"
            f" compiled {1000 * compiled:6.2f} ms ({plain / compiled:.2f} times), ready after {first:4.1f} s,"
            f" which pays after {pays}; |dlogit| {float((found - expected).abs().max()):.1e}",
            flush=True,
        )


def main() -> None:
    """Read what to measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        for name in options.networks:
            compare(name, options.rounds)


if __name__ == "__main__":
    main()
