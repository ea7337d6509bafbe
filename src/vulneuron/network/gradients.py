"""Check that logits have gradients with respect to the pixels, which attacks and contributions need."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from vulneuron.errors import ModelError, one_line
from vulneuron.network.devices import out_of_memory


def check_gradients(net: nn.Module, run: Callable[[Tensor], Tensor], image: Tensor) -> None:
    """Refuse a network whose logits have no gradients.

    Parameters
    ----------
    net
        The network, whose layers the message names.
    run
        Logits of images, by running the network.
    image
        One image ``(1, channel, y, x)``.

    Raises
    ------
    ModelError
        The message names the cause, such as the first layer without gradients.
    """
    leaf = image.detach().clone().requires_grad_()
    places = _Places(net)
    try:
        with places, torch.enable_grad():
            logits = run(leaf)
            if logits.requires_grad:
                torch.autograd.grad(logits.sum(), leaf)
                return
            cause = places.cause
    # The network works without gradients, so anything raised is due to them.
    except Exception as error:
        if out_of_memory(error):
            raise
        cause = one_line(error)
    raise ModelError(
        f"the logits have no gradients with respect to the pixels: {cause}",
        allowed="a network that PyTorch can differentiate, because attacks and contributions need gradients",
        fix="remove torch.no_grad, detach and conversions to NumPy or integers from its forward method",
    )


class _Places(ExitStack):
    """Finds the place in a network's forward pass where gradients end."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._inside: str | None = None
        self._before: str | None = None
        for name, module in net.named_modules():
            if name:
                self.callback(module.register_forward_hook(self._hook(name)).remove)

    @property
    def cause(self) -> str:
        """The place in words."""
        return self._inside or self._before or "they end after the last layer"

    def _hook(self, name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not inputs or not isinstance(inputs[0], Tensor) or not isinstance(output, Tensor):
                return
            layer = f"{name!r} ({type(module).__name__})"
            if not inputs[0].requires_grad:
                self._before = self._before or f"they end before {layer}"
            elif not output.requires_grad:
                disabled = "" if torch.is_grad_enabled() else ", which runs under torch.no_grad"
                self._inside = self._inside or f"they end in {layer}{disabled}"

        return hook
