"""First-order estimate of the vulnerability maps: one backward pass for the whole map."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vulneuron.maps.grid import PatchGrid
from vulneuron.network import Classifier

Doubles = npt.NDArray[np.float64]


def preview(
    classifier: Classifier, benign: Tensor, adversarial: Tensor, labels: tuple[int, int], grid: PatchGrid
) -> Doubles:
    r"""Changes of two labels' log-probabilities, to first order in the perturbation.

    .. math:: \Delta_c(i, j) \approx \sum_{(u, v) \in \text{patch}(i, j)} \sum_k
        \frac{\partial \log p_c(x)}{\partial x_{kuv}} (\tilde x - x)_{kuv}

    Both gradients come from one forward and one backward pass over two copies of the benign image, and all
    sums over patches from one table. The estimate is good on small networks and weak on deep ones, where it
    has to be compared with exact points before it is used. It is 0 if the gradient does not exist or is not
    finite.

    Parameters
    ----------
    classifier
        The attacked network.
    benign, adversarial
        ``(channel, y, x)``, float32 in [0, 1].
    labels
        The classes c.
    grid
        Positions of the patches.

    Returns
    -------
    ndarray
        ``(2, row, column)`` of the grid, float64, unbounded.
    """
    device = classifier.device
    benign, adversarial = benign.to(device), adversarial.to(device)
    with torch.inference_mode(False), torch.enable_grad():
        images = benign.expand(2, -1, -1, -1).clone().requires_grad_()
        log_probabilities = classifier(images).log_softmax(1)[[0, 1], list(labels)]
        gradients = None
        if log_probabilities.requires_grad:
            (gradients,) = torch.autograd.grad(log_probabilities.sum(), images, allow_unused=True)
    if gradients is None or not gradients.isfinite().all():
        return np.zeros((2, *grid.shape))
    changes = (gradients * (adversarial - benign)).sum(1).cpu().double().numpy()
    return np.stack([grid.sums(change) for change in changes])
