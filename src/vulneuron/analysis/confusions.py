"""The prediction matrix: what the attack makes of each class (paper, Figure 2-a4)."""

import pandas as pd

from vulneuron.record import Record


def prediction_matrix(record: Record) -> pd.DataFrame:
    """Numbers of pairs by true and adversarial label; see `Analysis.prediction_matrix`."""
    pairs = record.pairs
    return pd.crosstab(
        pairs["benign_label"].cat.remove_unused_categories(),
        pairs["adversarial_label"].cat.remove_unused_categories(),
    )
