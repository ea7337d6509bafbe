"""Compare the dense engine with compiled networks: PyTorch's compiler and OpenVINO, networks of `maps.py`.

python -m benchmarks.compilers                        # pip install openvino, and a C++ compiler
python -m benchmarks.compilers --networks resnet18

One batch, of the size that is fastest without a compiler, goes through each variant in turn. Prints the time
until the first batch is ready, and the number of patches after which it has paid off.
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
Network = Callable[[Tensor], Tensor]


def fastest_batch(module: nn.Module, side: int) -> Tensor:
    """Images of the batch size with the least time per image."""

    def seconds_per_image(images: Tensor) -> float:
        return min(seconds(lambda: module(images)) for _ in range(3)) / len(images)

    batches = (
        torch.rand(size, 3, side, side).contiguous(memory_format=torch.channels_last) for size in BATCHES
    )
    return min(batches, key=seconds_per_image)


def by_pytorch(module: nn.Module, images: Tensor) -> Network:
    """Compile with PyTorch: weights as constants, empty caches."""
    torch._dynamo.reset()
    torch._inductor.config.freezing = torch._inductor.config.force_disable_caches = True
    return torch.compile(module)


def by_openvino(module: nn.Module, images: Tensor) -> Network:
    """Compile with OpenVINO, in the precision of the weights, on as many threads as PyTorch uses."""
    import openvino  # noqa: PLC0415  optional

    threads = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.compile_model(openvino.convert_model(module, example_input=images), "CPU", threads)
    return lambda batch: torch.from_numpy(compiled(batch.numpy())[0])


def median_times(networks: list[Network], images: Tensor, rounds: int) -> list[float]:
    """Median seconds per image of each network."""
    times = [[seconds(partial(network, images)) for network in networks] for _ in range(rounds)]
    return [median(column) / len(images) for column in zip(*times, strict=True)]


def compare(name: str, rounds: int) -> None:
    """Print one row per compiler."""
    case = CASES[name]
    module = vulneuron.Classifier(case.build(), input_shape=(3, case.side, case.side), device="cpu").module
    images = fastest_batch(module, case.side)
    expected = module(images)
    for compiler in (by_pytorch, by_openvino):
        start = time.perf_counter()
        try:
            network = compiler(module, images)
            logits = network(images)
        except ImportError as error:
            print(f"{name:20} {compiler.__name__:12} is not installed: {error}")
            continue
        first = time.perf_counter() - start
        plain, compiled = median_times([module, network], images, rounds)
        pays = f"{first / (plain - compiled):,.0f} patches" if compiled < plain else "never"
        print(
            f"{name:20} {compiler.__name__:12} batch {len(images):3}: {1000 * plain:6.2f} ms,"
            f" compiled {1000 * compiled:6.2f} ms ({plain / compiled:.2f} times), ready after {first:4.1f} s,"
            f" which pays off after {pays}; |dlogit| {float((logits - expected).abs().max()):.1e}",
            flush=True,
        )


def main() -> None:
    """Parse the options and run the benchmark."""
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
