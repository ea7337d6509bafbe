"""Settings that fit a record."""

import numpy as np

from vulneuron.analysis.pair_data import PairData
from vulneuron.analysis.settings import Settings


def suggested(data: PairData) -> Settings:
    """Settings under which a record has bands: the default ones wherever these do.

    Where no pair's adversarial class has two benign images, as in a small run with many classes, the
    adversarial bands are made of adversarial images instead.
    """
    benign_images = np.bincount(data.benign_label, minlength=len(data.record.class_names))
    some_band = (benign_images[data.adversarial_label] >= 2).any()
    return Settings() if some_band else Settings(band_images="adversarial")
