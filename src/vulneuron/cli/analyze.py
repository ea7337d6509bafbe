"""`vulneuron analyze`: creates a record from a model and images."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from vulneuron.cli.info import show
from vulneuron.cli.options import numbers, resumable

if TYPE_CHECKING:
    from vulneuron.inputs.preprocessing import Interpolation
    from vulneuron.network.devices import Precision

_INPUTS, _ATTACK, _SELECTION, _NETWORK, _RUN = (
    "Model and images",
    "Attack",
    "Selection",
    "Network",
    "Run",
)


def command(
    model: Annotated[
        str,
        typer.Option(
            help="`torchvision:NAME[?weights=DEFAULT]`, `timm:NAME[?checkpoint=FILE]`, "
            "`robustbench:NAME[?dataset=cifar10&threat_model=Linf]`, or "
            "`file.py:function` that returns a module; `?checkpoint=FILE` works with each.",
            rich_help_panel=_INPUTS,
        ),
    ],
    images: Annotated[
        str,
        typer.Option(
            help="A folder with one subfolder per class, a flat folder, an `.npz` file, "
            "`torchvision:CIFAR10?root=DIR&split=test`, or `file.py:function`.",
            rich_help_panel=_INPUTS,
        ),
    ],
    out: Annotated[str, typer.Option(help="Where to write the record.", rich_help_panel=_INPUTS)],
    class_names: Annotated[
        str | None,
        typer.Option(
            help="Names of the model's outputs, in order: `a,b,c`, or a `.txt`, `.csv`, `.json` or `.yaml` "
            "file.",
            rich_help_panel=_INPUTS,
        ),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            help="A built-in attack such as `pgd`, `foolbox:NAME`, `torchattacks:NAME`, or "
            "`file.py:function`. [default: pgd]",
            rich_help_panel=_ATTACK,
        ),
    ] = None,
    eps: Annotated[
        str | None, typer.Option(help="Perturbation budget. [default: 8/255]", rich_help_panel=_ATTACK)
    ] = None,
    step_size: Annotated[
        str | None, typer.Option(help="Size of one step. [default: 2/255]", rich_help_panel=_ATTACK)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Number of steps. [default: 7]", rich_help_panel=_ATTACK)
    ] = None,
    norm: Annotated[
        str | None, typer.Option(help="`linf` or `l2`. [default: linf]", rich_help_panel=_ATTACK)
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Class that all images are attacked towards. [default: any wrong class]",
            rich_help_panel=_ATTACK,
        ),
    ] = None,
    adversarials: Annotated[
        str | None,
        typer.Option(
            help="Existing adversarial images, in place of an attack: an `.npz`, a `.pt` of "
            "torchattacks, or a folder with the file names of the benign images.",
            rich_help_panel=_ATTACK,
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="True labels to select, `a,b`. [default: all]", rich_help_panel=_SELECTION),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Number of images per class. [default: all]", rich_help_panel=_SELECTION),
    ] = None,
    most_attacked: Annotated[
        int | None,
        typer.Option(
            help="Keep the pairs of the N benign labels with the most successes, and of the N most frequent "
            "adversarial labels among them.",
            rich_help_panel=_SELECTION,
        ),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            help="Target layer, by its dotted name; may be repeated. [default: the last one, detected]",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Mean of the normalization, `a,b,c`. [default: the model's]", rich_help_panel=_NETWORK
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            help="Standard deviation of the normalization. [default: the model's]", rich_help_panel=_NETWORK
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE|HEIGHTxWIDTH",
            help="Size of the input images of the network. [default: the model's]",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            help="Shorter side before the center crop. [default: the model's]", rich_help_panel=_NETWORK
        ),
    ] = None,
    interpolation: Annotated[
        str | None,
        typer.Option(
            help="`bilinear`, `bicubic`, `nearest`, `lanczos`. [default: the model's]",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:N`, `mps`.", rich_help_panel=_RUN)
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(help="`float32`; `float16` or `bfloat16` on an accelerator.", rich_help_panel=_RUN),
    ] = "float32",
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Number of images per batch. [default: adapted to the memory]", rich_help_panel=_RUN
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of random starts and projections.", rich_help_panel=_RUN)
    ] = 0,
    joint_projection: Annotated[
        bool,
        typer.Option(
            "--joint-projection",
            help="One t-SNE projection for benign and adversarial images.",
            rich_help_panel=_RUN,
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace a record of another run, once the new one is complete.",
            rich_help_panel=_RUN,
        ),
    ] = False,
) -> None:
    """Attack a model on images, and record its neurons before and after the attack.

    Images that the model classifies correctly are attacked, and each success becomes a pair of the record.
    The defaults are those of the paper: PGD, 7 steps of 2/255, L-inf budget 8/255. To resume an interrupted
    run, run the same command again.

    Example: `vulneuron analyze --model "torchvision:resnet18?weights=DEFAULT" --images photos/ --out r.zarr`
    """
    from vulneuron.attacks import make_attack
    from vulneuron.inputs.preprocessing import parse_image_size
    from vulneuron.pipeline import analyze

    chosen_attack = None
    if any(value is not None for value in (attack, eps, step_size, steps, norm)):
        chosen_attack = make_attack(attack or "pgd", eps=eps, step_size=step_size, steps=steps, norm=norm)
    with resumable():
        record = analyze(
            model,
            images,
            out=out,
            attack=chosen_attack,
            target=target,
            adversarials=adversarials,
            classes=classes,
            limit=limit,
            most_attacked=most_attacked,
            class_names=class_names,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
            layers=layers,
            device=device,
            precision=cast("Precision", precision),
            image_size=None if image_size is None else parse_image_size(image_size),
            resize=resize,
            interpolation=cast("Interpolation | None", interpolation),
            batch_size=batch_size,
            seed=seed,
            joint_projection=joint_projection,
            overwrite=overwrite,
        )
    show(record)
