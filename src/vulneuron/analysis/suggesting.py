"""Settings that fit a record."""

import numpy as np

from vulneuron.analysis.pair_data import Ints, PairData
from vulneuron.analysis.settings import Settings


def suggested(data: PairData) -> Settings:
    """Settings under which pairs have bands: the default ones wherever these do for most.

    Where most pairs' adversarial class has fewer than two benign images, as in a small run with many classes,
    the adversarial bands are made of adversarial images, if more pairs have bands then.
    """
    with_band = _share_with_band(data.benign_label, data.adversarial_label)
    if with_band < 0.5 and with_band < _share_with_band(data.adversarial_label, data.adversarial_label):
        return Settings(band_images="adversarial")
    return Settings()


def _share_with_band(of_band: Ints, wanted: Ints) -> float:
    """Part of the wanted labels that at least two images of the band have."""
    images = np.bincount(of_band, minlength=int(wanted.max()) + 1)
    return float(np.mean(images[wanted] >= 2))
