"""Finds networks that consist of several networks, each of which reads the pixels."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError
from vulneuron.network.tracing import Call


def check_single(
    net: nn.Module, run: Callable[[Tensor], Tensor], probe: Tensor, calls: list[Call], logits: Tensor
) -> None:
    """Refuse an ensemble: no layer of one member determines the logits.

    Parameters
    ----------
    net
        The network.
    run
        Logits of images, by running the network.
    probe
        Images.
    calls, logits
        Calls of modules and logits on these images.

    Raises
    ------
    ModelError
        If several modules map the pixels to vectors, and the logits depend on at least two of them.
    """
    members: list[Call] = []
    # Outer calls end after those inside, and are the ones to name.
    for call in reversed(calls):
        reads_pixels = call.read.shape == probe.shape and call.out.ndim == 2
        if reads_pixels and all(member.start > call.end or member.end < call.start for member in members):
            members.append(call)
    if len(members) < 2:
        return
    names = [member.name for member in members if not torch.equal(_without(net, member, run, probe), logits)]
    if len(names) > 1:
        raise ModelError(
            f"the model is an ensemble: {len(names)} networks read the pixels ({', '.join(sorted(names))})",
            allowed="a single network, whose last feature maps determine the logits",
            fix=f"analyze one member, such as model.{min(names)}",
        )


@torch.no_grad()
def _without(net: nn.Module, member: Call, run: Callable[[Tensor], Tensor], probe: Tensor) -> Tensor:
    """Logits if the output of a member is zero."""
    module = net.get_submodule(member.name)
    handle = module.register_forward_hook(lambda _module, _args, output: torch.zeros_like(output))
    try:
        return run(probe).float()
    finally:
        handle.remove()
