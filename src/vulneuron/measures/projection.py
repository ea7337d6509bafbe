"""2-D projection of activations, for the scatterplots of the data overview."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_PERPLEXITY = 30.0
_MIN_FOR_TSNE = 10


def project(benign: Floats, adversarial: Floats, *, seed: int = 0, joint: bool = False) -> Floats:
    """Project the activations of both sides to two dimensions by t-SNE (paper, Section 5.1).

    Parameters
    ----------
    benign, adversarial
        ``(pair, neuron)``, the activations of the penultimate layer.
    seed
        Seed of the projection.
    joint
        One projection for both sides instead of one each, which makes benign and adversarial images
        comparable.

    Returns
    -------
    ndarray
        ``(pair, 2, 2)``: pair, side (benign, adversarial), axis. No unit; only neighborhoods are meaningful.

    References
    ----------
    van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008. Policar, Strazar and Zupan,
    "openTSNE: A Modular Python Library for t-SNE Dimensionality Reduction and Embedding", JSS 2024.
    """
    if joint:
        both = embed(np.concatenate([benign, adversarial]), seed=seed)
        return np.stack([both[: len(benign)], both[len(benign) :]], axis=1)
    return np.stack([embed(benign, seed=seed), embed(adversarial, seed=seed)], axis=1)


def embed(activations: Floats, *, seed: int = 0) -> Floats:
    """Two-dimensional t-SNE of ``(n, neuron)``.

    The perplexity is 30, or a third of the points if there are fewer than 90. Fewer than 10 points or a
    single neuron are projected to principal components instead.
    """
    points, neurons = activations.shape
    if not points:
        return np.zeros((0, 2), np.float32)
    if points < _MIN_FOR_TSNE or neurons < 2 or not np.ptp(activations, axis=0).any():
        return _principal_components(activations)
    # Slow to import and large in memory; only `analyze` needs it.
    from openTSNE import TSNE  # noqa: PLC0415
    from openTSNE.initialization import pca  # noqa: PLC0415

    method: Literal["exact", "approx"] = "exact" if points < 1000 else "approx"
    tsne = TSNE(
        perplexity=min(_PERPLEXITY, (points - 1) / 3),
        initialization=pca(activations, random_state=seed),
        neighbors=method,
        # Several threads would sum in a changing order, and the same seed must give the same projection.
        n_jobs=1,
        random_state=seed,
    )
    return np.asarray(tsne.fit(activations), dtype=np.float32)


def _principal_components(activations: Floats) -> Floats:
    centered = activations.astype(np.float64) - activations.mean(0)
    left, singular, _ = np.linalg.svd(centered, full_matrices=False)
    components = (left * singular)[:, :2]
    return np.pad(components, ((0, 0), (0, 2 - components.shape[1]))).astype(np.float32)
